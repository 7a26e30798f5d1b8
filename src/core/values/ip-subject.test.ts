import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ipSubject } from './ip-subject.js'

describe('the subject of an address', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207', '192.0.2.7'],
    ['2001:db8:0:1:2:3:4:5', '2001:db8:0:1::/64'],
    ['2001:DB8:0:1::/64', '2001:db8:0:1::/64'],
    ['2001:0db8:0000:0001:0000:0000:0000:0001', '2001:db8:0:1::/64'],
    ['::1', '::/64'],
    ['fe80::1', 'fe80::/64'],
  ])('%s is %s', (address, subject) => {
    expect(ipSubject(address)).toBe(subject)
  })

  it.each([
    '',
    '*',
    'localhost',
    '192.0.2',
    '192.0.2.256',
    '0300.0.0.1',
    '192.0.2.7/32',
    '2001:db8::/48',
    '2001:db8::/064',
    'fe80::1%eth0',
    '::ffff:1.2.3.4/64',
    '[::1]',
    ' ::1',
    '1::2::3',
  ])('"%s" is none', (text) => {
    expect(ipSubject(text)).toBe(undefined)
  })

  it('is its own subject, and never throws whatever the text', () => {
    const addresses = fc.oneof(fc.ipV6(), fc.ipV4(), fc.string())
    fc.assert(
      fc.property(addresses, (address) => {
        const subject = ipSubject(address)
        if (subject !== undefined) expect(ipSubject(subject)).toBe(subject)
      }),
    )
  })

  it('is the same for all addresses of a /64, and another for those of others', () => {
    const word = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16))
    const half = fc.tuple(word, word, word, word).map((words) => words.join(':'))
    fc.assert(
      fc.property(half, half, half, half, (network, other, host, neighbour) => {
        fc.pre(!network.startsWith('0:0:0:0') && !other.startsWith('0:0:0:0'))
        expect(ipSubject(`${network}:${host}`)).toBe(ipSubject(`${network}:${neighbour}`))
        expect(ipSubject(`${network}:${host}`) === ipSubject(`${other}:${host}`)).toBe(network === other)
      }),
    )
  })
})
