import { describe, expect, it } from 'vitest'
import { newId } from './ids.js'

describe('a new identifier', () => {
  it('is a UUID of version 7, and none comes twice or sorts before an older one', () => {
    const ids = Array.from({ length: 20_000 }, newId)
    for (const id of ids) expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.toSorted()).toEqual(ids)
  })
})
