import type { BenchScenario } from '../bench.js'
import { insertFlags, timeQueries, withFilled } from '../filled.js'
import { spreadOf } from '../statistics.js'

const QUERIES = {
  'a page of one group': '{ featureFlags(first: 20, filter: { group: "group-7" }) { nodes { key } totalCount } }',
  'a search that finds nothing': '{ featureFlags(first: 20, filter: { search: "no such text" }) { nodes { key } totalCount } }',
  'a search that finds all': '{ featureFlags(first: 20, filter: { search: "number" }) { nodes { key } totalCount } }',
  'evaluateFlags of one group': '{ evaluateFlags(group: "group-7") { key isEnabled reason } }',
}

/** What is asked of a hundred thousand flags in fifty groups. */
export const manyFlags: BenchScenario = {
  name: 'many-flags',
  measures: '100,000 flags in groups of 2,000: pages, searches, a whole group, and the longest stall of the loop',
  seconds: ({ isShort }) => (isShort ? 6 : 25),
  async run(bench) {
    const count = bench.plan.isShort ? 5_000 : 100_000
    await withFilled(
      bench,
      (database) => insertFlags(database, count),
      async (server, startMs) => {
        const facts = await timeQueries(server, QUERIES, bench.plan.isShort ? 3 : 30)
        const start = { name: 'a start', timeMs: spreadOf([startMs]) }
        bench.show({ title: `many-flags: ${count.toLocaleString('en')} flags`, unit: '', rows: [], facts: [start, ...facts] })
      },
    )
  },
}
