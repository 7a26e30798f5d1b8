import type { DatabaseEngine } from '../src/core/database/database.js'
import type { BuiltServer } from './built-server.js'
import type { Child } from './child.js'
import { TOGGLED_KEYS } from './flags.js'
import type { Call, LoadResult } from './load.js'
import type { Measurement, Window } from './measurement.js'
import { jobOf, type Loader, PLAIN_READS, readsBesideCommits } from './reads.js'
import type { Scenario } from './rounds.js'
import type { SqlJob } from './sql-process.js'

const SET =
  'mutation ($key: String!, $on: Boolean!) { setFeatureFlag(input: { key: $key, isEnabled: $on }) { featureFlag { key isEnabled } userErrors { message } revision } }'
const HEAD = '{ evaluateFlag(key: "targeted") { revision } }'

/** Every flag is switched off and on again, so that every call is a change. */
const TOGGLES: readonly (readonly Call[])[] = TOGGLED_KEYS.map((key) => [callOf(key, false), callOf(key, true)])

function callOf(key: string, on: boolean): Call {
  const payload = { featureFlag: { key, isEnabled: on }, userErrors: [], revision: 0 }
  return { body: JSON.stringify({ query: SET, variables: { key, on } }), answer: JSON.stringify({ data: { setFeatureFlag: payload } }) }
}

/** What {@link commitScenarios} need. */
export interface CommitParts {
  readonly engine: DatabaseEngine
  readonly server: BuiltServer
  readonly sql: Child<SqlJob, Measurement>
  readonly loader: Loader
  readonly window: Window
}

/** Commits on the built server beside `SELECT 1` on the same engine, and reads beside commits. */
export function commitScenarios({ engine, server, sql, loader, window }: CommitParts): Scenario[] {
  const commit = (connections: number) => commitAll(server, () => loader.ask({ ...jobOf(server), ...window, connections, groups: TOGGLES }))
  const read = () => loader.ask({ ...jobOf(server), ...window, connections: 1, groups: PLAIN_READS })
  const commits = [1, 64].flatMap((callers): Scenario[] => {
    const baseline = `SELECT 1, ${engine}, ${callers} caller${callers === 1 ? '' : 's'}`
    return [
      { name: baseline, measure: () => sql.ask({ ...window, callers }) },
      { name: `setFeatureFlag, ${engine}, ${callers} client${callers === 1 ? '' : 's'}`, baseline, measure: () => commit(callers) },
    ]
  })
  return [...commits, ...readsBesideCommits(read, () => commit(8), engine)]
}

/** Throws Error unless every answered call has made one revision. */
async function commitAll(server: BuiltServer, load: () => Promise<LoadResult>): Promise<Measurement> {
  const before = await headOf(server)
  const result = await load()
  const made = (await headOf(server)) - before
  if (made !== result.sent) throw new Error(`${result.sent} commits were answered, but ${made} revisions were made`)
  return result
}

async function headOf(server: BuiltServer): Promise<number> {
  return (await server.ask<{ evaluateFlag: { revision: number } }>(HEAD)).evaluateFlag.revision
}
