import { v7 } from 'uuid'

/** A new identifier: a UUID of version 7 (RFC 9562), so that identifiers sort by the time they were made. */
export function newId(): string {
  return v7()
}
