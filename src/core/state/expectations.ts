import { type UserErrorData, userError } from '../contract/errors.js'
import type { Collection } from './collection.js'

/**
 * Faults of a caller's `expectedVersion`: the record's version must be just that; 0 means that there must be no record yet.
 * Nothing is expected when it is left out.
 */
export function findVersionFaults<R extends object>(
  collection: Collection<R>,
  record: R | undefined,
  expected: number | null | undefined,
): UserErrorData[] {
  if (expected === undefined || expected === null) return []
  const actual = record ? collection.versionOf(record) : 0
  if (actual === expected) return []
  const found = actual === 0 ? 'it does not exist' : `it has version ${actual}`
  return [userError('STALE_VERSION', ['expectedVersion'], `You expected version ${expected}, but ${found}. Read it again and decide anew.`)]
}
