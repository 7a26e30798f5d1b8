import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isOrdinaryAddress, isSameAddress, literalOf } from './addresses.js'

describe('an ordinary address', () => {
  it.each(['8.8.8.8', '1.1.1.1', '93.184.216.34', '::ffff:8.8.8.8', '2606:4700:4700::1111', '2001:4860:4860::8888'])(
    '%s is one',
    (address) => expect(isOrdinaryAddress(address)).toBe(true),
  )

  it.each([
    [
      'loopback',
      ['127.0.0.1', '127.255.255.254', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '0:0:0:0:0:ffff:7f00:0001', '::127.0.0.1', '::7f00:1'],
    ],
    ['unspecified', ['0.0.0.0', '0.1.2.3', '::', '::ffff:0.0.0.0']],
    [
      'private',
      ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '::ffff:10.0.0.1', '::ffff:c0a8:101', 'fc00::1', 'fd12:3456::1'],
    ],
    ['link-local', ['169.254.0.1', 'fe80::1', 'febf::1', '::ffff:169.254.0.1', 'fec0::1']],
    [
      'metadata',
      [
        '169.254.169.254',
        '::ffff:169.254.169.254',
        'fd00:ec2::254',
        '100.100.100.200',
        '192.0.0.192',
        '168.63.129.16',
        '::ffff:168.63.129.16',
      ],
    ],
    ['shared (RFC 6598)', ['100.64.0.1', '100.127.255.255']],
    ['NAT64', ['64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe', '64:ff9b:1::7f00:1', '::ffff:0:127.0.0.1']],
    ['6to4 and Teredo', ['2002:7f00:1::', '2002:a00:1::1', '2001:0:7f00:1::1']],
    ['multicast and broadcast', ['224.0.0.1', '239.255.255.250', '255.255.255.255', 'ff02::1']],
    [
      'reserved and for documentation',
      [
        '192.0.2.1',
        '198.51.100.1',
        '203.0.113.1',
        '198.18.0.1',
        '240.0.0.1',
        '192.88.99.1',
        '2001:db8::1',
        '3fff::1',
        '100::1',
        '4000::1',
        '::808:808',
      ],
    ],
    [
      'with a zone, or no address at all',
      ['fe80::1%eth0', '2606:4700::1%1', '', 'localhost', '8.8.8.8 ', '08.8.8.8', '8.8.8', '0x08080808', '134744072'],
    ],
  ])('is none that is %s', (_, addresses) => {
    expect(addresses.filter(isOrdinaryAddress)).toEqual([])
  })

  it('is never one of IPv4 in another dress that is not one bare', () => {
    const byte = fc.integer({ min: 0, max: 255 })
    fc.assert(
      fc.property(byte, byte, byte, byte, (a, b, c, d) => {
        const bare = `${a}.${b}.${c}.${d}`
        const word = (high: number, low: number): string => (high * 256 + low).toString(16)
        for (const dressed of [`::ffff:${bare}`, `::ffff:${word(a, b)}:${word(c, d)}`]) {
          expect(isOrdinaryAddress(dressed)).toBe(isOrdinaryAddress(bare))
          expect(isSameAddress(dressed, bare)).toBe(true)
        }
        expect(isOrdinaryAddress(`64:ff9b::${word(a, b)}:${word(c, d)}`)).toBe(false)
        expect(isOrdinaryAddress(`2002:${word(a, b)}:${word(c, d)}::1`)).toBe(false)
      }),
    )
  })
})

it('two spellings of one address are the same, and nothing else is', () => {
  expect(isSameAddress('::1', '0:0:0:0:0:0:0:1')).toBe(true)
  expect(isSameAddress('::1', '127.0.0.1')).toBe(false)
  expect(isSameAddress('127.0.0.1', '127.0.0.2')).toBe(false)
  expect(isSameAddress('', '')).toBe(false)
})

it('the literal of a host is its address without brackets', () => {
  expect(['[::1]', '127.0.0.1', 'localhost', '127.0.0.1.example'].map(literalOf)).toEqual(['::1', '127.0.0.1', undefined, undefined])
})
