import { createHash } from 'node:crypto'
import { type UserErrorData, userError } from '../contract/errors.js'
import { holdsApiKey } from '../platform/scrub.js'
import { toUserErrors } from '../values/faults.js'
import { canonicalJson, findJsonFaults } from '../values/json.js'
import { findTextFaults } from '../values/text.js'
import { MAX_REASON_LENGTH } from './change.js'
import type { Write } from './write.js'

/** An idempotency key: 1 to 255 printable ASCII characters. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/
/** Deeper than any input that a command takes; keeps the walk over a hostile one bounded. */
const MAX_INPUT_DEPTH = 64
const MAX_INPUT_BYTES = 1024 * 1024

/** Paths of the texts that hold a client's key: what a command is given ends up in the log. */
function findClientKeys(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value === 'string') return holdsApiKey(value) ? [path] : []
  if (value === null || typeof value !== 'object') return []
  return Object.entries(value).flatMap(([name, member]) => (holdsApiKey(name) ? [path] : findClientKeys(member, [...path, name])))
}

/** Members for which null means just what leaving them out means, in every command. Elsewhere null may clear a field. */
const LEFT_OUT_AS_NULL: ReadonlySet<string> = new Set(['reason', 'expectedVersion', 'plannedAtRevision'])

/** An input without the members that say nothing: calls that mean the same look the same. */
export function withoutEmpty(input: object): object {
  return Object.fromEntries(Object.entries(input).filter(([name, value]) => value !== null || !LEFT_OUT_AS_NULL.has(name)))
}

/** SHA-256 of an input, by which calls with the same idempotency key are compared. */
export function hashInput(input: object): string {
  return createHash('sha256')
    .update(canonicalJson(withoutEmpty(input)))
    .digest('hex')
}

/** What is wrong with an input before its command is asked. */
interface InputFaults {
  readonly faults: readonly UserErrorData[]
  /** Whether it is safe to walk over: not nested without end. */
  readonly isWalkable: boolean
}

/** Faults that every command's input may have: text that cannot be stored, a reason or an idempotency key out of bounds. */
export function findInputFaults(write: Pick<Write<object, unknown>, 'input' | 'reason' | 'idempotencyKey' | 'command'>): InputFaults {
  const limits = { maxDepth: MAX_INPUT_DEPTH, maxBytes: MAX_INPUT_BYTES }
  const found = findJsonFaults(write.input, limits)
  const faults = toUserErrors([], found)
  if (found.some(({ isTooDeep }) => isTooDeep)) return { faults, isWalkable: false }
  // Both go into rows, also where they are no part of the input.
  const { reason, idempotencyKey, command } = write
  const leak = 'This holds the key of an API client, which would be stored in the clear. Leave it out, and rotate that key.'
  faults.push(...findClientKeys({ ...write.input, reason, idempotencyKey }).map((path) => userError('LOOKS_SECRET', path, leak)))
  if (reason) {
    faults.push(...findTextFaults(reason, ['reason'], MAX_REASON_LENGTH))
    // Where the reason is a part of the input, its faults are among those already.
    if (!found.some(({ path }) => path.join('.') === 'reason')) faults.push(...toUserErrors(['reason'], findJsonFaults(reason, limits)))
  }
  if (idempotencyKey !== undefined && idempotencyKey !== null) {
    if (!IDEMPOTENCY_KEY.test(idempotencyKey))
      faults.push(
        userError(
          'INVALID',
          ['idempotencyKey'],
          'The idempotency key must be 1 to 255 printable ASCII characters without spaces; a UUID is a good one.',
        ),
      )
    if (!command.replay) throw new Error(`${command.name} cannot replay, and so must not take an idempotency key`)
  }
  return { faults, isWalkable: true }
}
