import { type UserErrorData, userError } from '../../../core/contract/errors.js'
import { edited } from '../../../core/state/collection.js'
import { type Command, done, refused } from '../../../core/state/command.js'
import { findVersionFaults } from '../../../core/state/expectations.js'
import { findNullFaults, findRangeFaults } from '../../../core/values/faults.js'
import { isBuiltIn } from '../probes/built-in-checks.js'
import { MAX_CUSTOM_CHECKS, type SmokeCheckRecord, smokeCheckCollection } from './smoke-check.collection.js'
import type { SetSmokeCheckInput } from './smoke-check.inputs.js'
import { findBodyFaults, findNameFaults, findPathFaults, findQueryFaults } from './smoke-check-validation.js'

/** Where GraphQL is served. */
const GRAPHQL_PATH = '/graphql'

/** Faults that the input has whatever the state is. */
function findFaults(input: SetSmokeCheckInput): UserErrorData[] {
  const { name, kind, path, query, expectStatus, expectBody, maxLatencyMs } = input
  const faults = findNameFaults(name)
  if (isBuiltIn(name)) faults.push(builtIn('set'))
  if (kind === 'PROCESS') faults.push(userError('INVALID', ['kind'], 'Only built-in checks look at the process: choose HTTP or GRAPHQL.'))
  if (typeof path === 'string') faults.push(...findPathFaults(path))
  if (path === null && kind === 'HTTP') faults.push(userError('REQUIRED', ['path'], 'An HTTP check needs a path such as "/readyz".'))
  if (kind === 'HTTP' && typeof query === 'string') {
    faults.push(userError('INVALID', ['query'], 'An HTTP check sends no query: leave it out, or choose the kind GRAPHQL.'))
  }
  if (kind === 'GRAPHQL' && query === null) faults.push(missingQuery())
  if (kind === 'GRAPHQL' && typeof query === 'string') faults.push(...findQueryFaults(query))
  // The status codes of HTTP (RFC 9110, 15).
  faults.push(...findRangeFaults(expectStatus, ['expectStatus'], [100, 599]))
  if (expectBody !== undefined && expectBody !== null) faults.push(...findBodyFaults(expectBody))
  faults.push(...findRangeFaults(maxLatencyMs, ['maxLatencyMs'], [1, 60_000]))
  return [...faults, ...findNullFaults(input, ['isBlocking', 'isEnabled'])]
}

/** What is said to whoever wants to change a built-in check. */
export function builtIn(what: 'set' | 'delete'): UserErrorData {
  return userError(
    'INVALID_STATE',
    ['name'],
    `This is a built-in check; it cannot be ${what === 'set' ? 'set' : 'deleted'}. Choose another name.`,
  )
}

function missingQuery(): UserErrorData {
  return userError('REQUIRED', ['query'], 'A GRAPHQL check needs a query such as "{ systemSummary { totalPacks } }".')
}

/** Faults of what is missing: an update keeps what the check has. */
function findGaps(input: SetSmokeCheckInput, before: SmokeCheckRecord | undefined): UserErrorData[] {
  const gaps: UserErrorData[] = []
  if (input.kind === 'HTTP' && input.path === undefined && !before) {
    gaps.push(userError('REQUIRED', ['path'], 'A new HTTP check needs a path such as "/readyz".'))
  }
  if (input.kind === 'GRAPHQL' && input.query === undefined && (before?.query ?? null) === null) gaps.push(missingQuery())
  return gaps
}

/** Adds a check to the smoke test, or changes what the input names. */
export const setSmokeCheck: Command<SetSmokeCheckInput, SmokeCheckRecord> = {
  name: 'setSmokeCheck',
  isRevertible: true,
  run(draft, input, { now, newId }) {
    const before = draft.get(smokeCheckCollection, input.name)
    const faults = [
      ...findFaults(input),
      ...findGaps(input, before),
      ...findVersionFaults(smokeCheckCollection, before, input.expectedVersion),
    ]
    if (!before && draft.view(smokeCheckCollection).size >= MAX_CUSTOM_CHECKS) {
      faults.push(
        userError('LIMIT_EXCEEDED', ['name'], `There are ${MAX_CUSTOM_CHECKS} checks already, which is the limit. Delete one first.`),
      )
    }
    if (faults.length > 0) return refused(...faults)
    const { name, kind } = input
    const expected = { expectStatus: 200, expectBody: null, maxLatencyMs: null }
    const blank = { id: newId(), name, kind, path: GRAPHQL_PATH, query: null, ...expected, isBlocking: true, isEnabled: true }
    // An HTTP check has no document, whatever it was before.
    const given = { ...input, query: kind === 'GRAPHQL' ? input.query : null }
    const after = edited(smokeCheckCollection, { before, blank, given, now })
    draft.put(smokeCheckCollection, after)
    return done(after)
  },
}
