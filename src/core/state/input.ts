import { createHash } from 'node:crypto'
import { type UserErrorData, userError } from '../contract/errors.js'
import { holdsApiKey } from '../platform/scrub.js'
import { mapInSlices } from '../platform/slices.js'
import { toUserErrors } from '../values/faults.js'
import { canonicalPieces, findSizeFaults, findStructureFaults, type JsonFault, jsonBytes } from '../values/json.js'
import { findTextFaults } from '../values/text.js'
import { MAX_REASON_LENGTH } from './change.js'
import type { Write } from './write.js'

/** An idempotency key: 1 to 255 printable ASCII characters. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/
/** Deeper than any input that a command takes; keeps the walk over a hostile one bounded. */
const MAX_INPUT_DEPTH = 64
/** More than any body may have, as defaults come on top of what was sent. */
const MAX_INPUT_BYTES = 4 * 1024 * 1024

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
export async function hashInput(input: object): Promise<string> {
  const hash = createHash('sha256')
  await mapInSlices(canonicalPieces(withoutEmpty(input)), (piece) => hash.update(piece))
  return hash.digest('hex')
}

/** The members of an input by their paths, those of its lists one by one: what is looked at without a break. */
function* partsOf(input: object): Generator<readonly [path: readonly string[], part: unknown]> {
  for (const [name, member] of Object.entries(input)) {
    if (!Array.isArray(member)) yield [[name], member]
    else for (const [index, item] of member.entries()) yield [[name, String(index)], item]
  }
}

/** What is wrong with the JSON of an input, and the paths of the client keys in it. */
async function lookThrough(
  input: object,
): Promise<{ readonly found: readonly JsonFault[]; readonly keys: readonly (readonly string[])[] }> {
  const found: JsonFault[] = []
  const keys: (readonly string[])[] = []
  let bytes = 0
  await mapInSlices([...partsOf(input)], ([path, part]) => {
    const faults = findStructureFaults(part, MAX_INPUT_DEPTH - path.length, path)
    found.push(...faults)
    if (faults.some(({ isTooDeep }) => isTooDeep)) return
    keys.push(...findClientKeys(part, path))
    bytes += jsonBytes(part)
  })
  return { found: found.length > 0 ? found : findSizeFaults(bytes, MAX_INPUT_BYTES), keys }
}

/** What is wrong with an input before its command is asked. */
interface InputFaults {
  readonly faults: readonly UserErrorData[]
  /** Whether it is safe to walk over: not nested without end. */
  readonly isWalkable: boolean
}

/** Faults that every command's input may have: text that cannot be stored, a reason or an idempotency key out of bounds. */
export async function findInputFaults(
  write: Pick<Write<object, unknown>, 'input' | 'reason' | 'idempotencyKey' | 'command'>,
): Promise<InputFaults> {
  const { input, reason, idempotencyKey, command } = write
  // A reason goes into rows, also where it is no part of the input.
  const { found, keys } = await lookThrough(reason ? { ...input, reason } : input)
  const faults = toUserErrors([], found)
  if (found.some(({ isTooDeep }) => isTooDeep)) return { faults, isWalkable: false }
  const isLeaking = !!idempotencyKey && !('idempotencyKey' in input) && holdsApiKey(idempotencyKey)
  const leak = 'This holds the key of an API client, which would be stored in the clear. Leave it out, and rotate that key.'
  faults.push(...[...keys, ...(isLeaking ? [['idempotencyKey']] : [])].map((path) => userError('LOOKS_SECRET', path, leak)))
  if (reason) faults.push(...findTextFaults(reason, ['reason'], MAX_REASON_LENGTH))
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
