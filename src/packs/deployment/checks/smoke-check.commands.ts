import { type UserErrorData, userError } from '../../../core/contract/errors.js'
import { revise, seal } from '../../../core/state/collection.js'
import { type Command, done, refused } from '../../../core/state/command.js'
import { findVersionFaults } from '../../../core/state/expectations.js'
import { findNullFaults, findRangeFaults } from '../../../core/values/faults.js'
import { isBuiltIn } from '../probes/built-in-checks.js'
import { MAX_CUSTOM_CHECKS, type SmokeCheckRecord, smokeCheckCollection } from './smoke-check.collection.js'
import type { SetSmokeCheckInput } from './smoke-check.inputs.js'
import { findBodyFaults, findNameFaults, findPathFaults, findQueryFaults } from './smoke-check-validation.js'

/** Where GraphQL is served. */
const GRAPHQL_PATH = '/graphql'

/** What the input says about the check: what is left out is not in it, null is the default. */
function patchOf(input: SetSmokeCheckInput): Partial<SmokeCheckRecord> {
  return {
    kind: input.kind,
    ...(input.path === undefined || (input.path === null && input.kind !== 'GRAPHQL') ? {} : { path: input.path ?? GRAPHQL_PATH }),
    // An HTTP check has no document, whatever it was before.
    ...(input.kind === 'GRAPHQL' ? (input.query === undefined || input.query === null ? {} : { query: input.query }) : { query: null }),
    ...(input.expectStatus === undefined ? {} : { expectStatus: input.expectStatus ?? 200 }),
    ...(input.expectBody === undefined ? {} : { expectBody: input.expectBody }),
    ...(input.maxLatencyMs === undefined ? {} : { maxLatencyMs: input.maxLatencyMs }),
    ...(input.isBlocking === undefined || input.isBlocking === null ? {} : { isBlocking: input.isBlocking }),
    ...(input.isEnabled === undefined || input.isEnabled === null ? {} : { isEnabled: input.isEnabled }),
  }
}

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
    const patch = patchOf(input)
    const blank = {
      id: newId(),
      name: input.name,
      kind: input.kind,
      path: GRAPHQL_PATH,
      query: null,
      expectStatus: 200,
      expectBody: null,
      maxLatencyMs: null,
      isBlocking: true,
      isEnabled: true,
    }
    const after = before
      ? revise(smokeCheckCollection, before, { patch, now })
      : seal(smokeCheckCollection, { ...blank, ...patch, version: 1, createdAt: now, updatedAt: now })
    draft.put(smokeCheckCollection, after)
    return done(after)
  },
}
