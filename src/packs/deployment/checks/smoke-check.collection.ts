import { userError } from '../../../core/contract/errors.js'
import {
  boolean,
  type Collection,
  defineCollection,
  editFields,
  integer,
  json,
  nullable,
  type RecordOf,
  text,
} from '../../../core/state/collection.js'
import type { Json } from '../../../core/values/json.js'

/**
 * What a check does. HTTP: asks a path. GRAPHQL: sends a query with a key of the run. PROCESS: looks at the process that
 * runs the test; there are only built-in ones.
 */
export type SmokeCheckKind = 'HTTP' | 'GRAPHQL' | 'PROCESS'

/** To see checks and runs. */
export const SMOKE_READ = 'smoke:read'
/** To add, change and delete checks. */
export const SMOKE_WRITE = 'smoke:write'
/** To run the smoke test. */
export const SMOKE_RUN = 'smoke:run'

/** Most checks that can be added to the built-in ones. */
export const MAX_CUSTOM_CHECKS = 100

/** What is asked, and what has to come back. */
export interface SmokeCheckSpec {
  readonly name: string
  readonly kind: SmokeCheckKind
  /** Behind the base URL; begins with one slash, empty for PROCESS. */
  readonly path: string
  /** The document of a GRAPHQL check. */
  readonly query: string | null
  readonly expectStatus: number
  /** What the answer's JSON has to hold; null: anything. */
  readonly expectBody: Json
  /** Longest time until the whole answer is there; null: none but the timeout. */
  readonly maxLatencyMs: number | null
  /** Whether a run fails when this check fails. */
  readonly isBlocking: boolean
}

const fields = {
  name: text(),
  id: text(),
  kind: text<SmokeCheckKind>(),
  path: text(),
  query: nullable(text()),
  expectStatus: integer(),
  expectBody: nullable(json<Json>()),
  maxLatencyMs: nullable(integer()),
  isBlocking: boolean(),
  isEnabled: boolean(),
  ...editFields,
}

/** A check that somebody has added. */
export type SmokeCheckRecord = RecordOf<typeof fields>

/** All checks that somebody has added, by name. */
export const smokeCheckCollection: Collection<SmokeCheckRecord> = defineCollection<SmokeCheckRecord>({
  name: 'SmokeCheck',
  table: 'smoke_checks',
  key: 'name',
  id: 'id',
  version: 'version',
  writePermission: SMOKE_WRITE,
  findRestoredFaults(state) {
    if (state.view(smokeCheckCollection).size <= MAX_CUSTOM_CHECKS) return []
    const message = `There would be more than ${MAX_CUSTOM_CHECKS} checks, which is the limit. Delete one that was added meanwhile first.`
    return [userError('LIMIT_EXCEEDED', ['name'], message)]
  },
  exported: {
    section: 'smokeChecks',
    fields: ['kind', 'path', 'query', 'expectStatus', 'expectBody', 'maxLatencyMs', 'isBlocking', 'isEnabled'],
  },
  searched: { kind: 'SMOKE_CHECK', titleOf: ({ name }) => name, subtitleOf: ({ kind, path }) => `${kind} ${path}` },
  fields,
})
