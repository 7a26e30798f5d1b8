import type { Database } from '../../src/core/database/database.js'
import type { BenchScenario } from '../bench.js'
import { insertFlags, timeQueries, withFilled } from '../filled.js'

const FLAGS = 1_000
const RARE = 10
const QUERIES = {
  'lastChange of 50 flags': '{ featureFlags(first: 50) { nodes { key lastChange { at actor { name } } } } }',
  'history of 50 flags': '{ featureFlags(first: 50) { nodes { key history(first: 5) { nodes { at before after } } } } }',
  'changes of a rare pack': '{ changes(first: 20, filter: { pack: "W" }) { nodes { id after } } }',
  'changes of a common pack': '{ changes(first: 20, filter: { pack: "UA" }) { nodes { id after } } }',
  'changes of a rare type': '{ changes(first: 20, filter: { targetType: "SystemStatus" }) { nodes { id } } }',
}

/** What is asked of a change log of a million changes. */
export const manyChanges: BenchScenario = {
  name: 'many-changes',
  measures: '1,000,000 changes: last changes, histories, and filters that are rare and common',
  seconds: ({ isShort }) => (isShort ? 5 : 60),
  async run(bench) {
    const count = bench.plan.isShort ? 10_000 : 1_000_000
    const fill = async (database: Database): Promise<void> => {
      await insertFlags(database, FLAGS)
      await insertChanges(database, count)
    }
    await withFilled(bench, fill, async (server) => {
      const facts = await timeQueries(server, QUERIES, bench.plan.isShort ? 3 : 30)
      bench.show({ title: `many-changes: ${count.toLocaleString('en')} changes`, unit: '', rows: [], facts })
    })
  },
}

/** Rows as the ledger would have written them, many times faster; their digests are none. */
async function insertChanges({ pool }: Database, count: number): Promise<void> {
  await pool.query(
    `INSERT INTO changes (revision, ordinal, pack, target_type, target_id, target_key, action, before, after, operation, actor_id, actor_name,
       correlation_id, at, is_revertible, digest)
     SELECT h.revision + i, 0, p.pack, CASE p.pack WHEN 'W' THEN 'SystemStatus' ELSE 'FeatureFlag' END, 'id-' || i % $2, 'flag-' || i % $2, 'UPDATE',
       '{"isEnabled":true}', '{"isEnabled":false}', 'setFeatureFlag', 'bench', 'bench', 'bench', now(), true, md5(i::text) || md5(i::text)
     FROM ledger_head h, generate_series(1, $1::int) i, LATERAL (SELECT CASE WHEN i <= ${RARE} THEN 'W' ELSE 'UA' END AS pack) p`,
    [count, FLAGS],
  )
  await pool.query(
    'UPDATE ledger_head SET revision = revision + $1, digest = (SELECT digest FROM changes ORDER BY revision DESC LIMIT 1)',
    [count],
  )
  await pool.query('ANALYZE changes')
}
