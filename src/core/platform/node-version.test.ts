import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { isAtLeast, isNodeNewEnough, OLDEST_NODE } from './node-version.js'

describe('the oldest Node.js', () => {
  it('is the one that package.json names', () => {
    const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly engines: { readonly node: string } }
    expect(engines.node).toBe(`>=${OLDEST_NODE}`)
  })

  it('is compared number by number', () => {
    const newer = ['20.19.0', '20.19.1', '20.20.0', '22.0.0', '100.0.0']
    const older = ['20.18.9', '20.9.99', '18.20.8', '0.12.18']
    expect(newer.filter((version) => !isAtLeast(version, '20.19.0'))).toEqual([])
    expect(older.filter((version) => isAtLeast(version, '20.19.0'))).toEqual([])
  })

  it('is met here', () => {
    expect(isNodeNewEnough()).toBe(true)
  })
})
