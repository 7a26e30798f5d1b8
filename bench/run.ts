import 'reflect-metadata'
import { writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import type { Bench, Loader, Plan } from './bench.js'
import { startChild } from './child.js'
import type { LoadJob, LoadResult } from './load.js'
import { describeMachine, keepAwake } from './machine.js'
import { type Section, textOf } from './report.js'
import { record } from './results.js'
import { SCENARIOS } from './scenarios/index.js'

/**
 * `npm run bench [-- --scenario NAME...] [--short] [--peers] [--dist FOLDER] [--record] [--json FILE]`: measures the built server, as
 * ratios to baselines of the same run. Needs `npm run build`. Ends with status 1 when an answer was wrong; no time is ever a failure.
 * `--short` (a minute) shows that everything works; its numbers mean little, and are not recorded. `--rounds N` and `--seconds N` set how long each is measured.
 */
const FULL: Plan = { isShort: false, rounds: 3, warmUpMs: 8_000, measureMs: 5_000 }
const SHORT: Plan = { isShort: true, rounds: 1, warmUpMs: 200, measureMs: 300 }

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    scenario: { type: 'string', multiple: true, default: [] },
    short: { type: 'boolean', default: false },
    peers: { type: 'boolean', default: false },
    dist: { type: 'string', default: 'dist' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    record: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
})
const plan = planOf()
const wanted = [...values.scenario, ...positionals]
const unknown = wanted.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name))
if (unknown.length > 0) {
  console.error(`there is no scenario ${unknown.join(', ')}; there are ${SCENARIOS.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}
if (values.short && values.record) {
  console.error('--short shows that everything works: its numbers mean too little to --record them')
  process.exit(2)
}
const chosen = SCENARIOS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))
const startedAt = new Date()
const seconds = chosen.reduce((sum, scenario) => sum + scenario.seconds(plan, values.peers), 0)
console.log(`${describeMachine()}, load ${loadavg()[0]?.toFixed(2)}; build: ${values.dist}`)
console.log(`${chosen.map(({ name }) => name).join(', ')}: this takes about ${Math.ceil(seconds / 60)} min (${Math.ceil(seconds)} s)`)
console.log(`Medians of ${plan.rounds} rounds; ratios are of rates in the same round, above 1 is faster than the baseline.`)

const sections: Section[] = []
const rest = keepAwake()
const loader: Loader = startChild<LoadJob, LoadResult>('./load-process.js')
const show = (section: Section): void => {
  sections.push(section)
  console.log(`\n${textOf(section)}`)
}
const bench: Bench = { plan, loader, dist: values.dist, isWithPeers: values.peers, show }
try {
  for (const scenario of chosen) await scenario.run(bench)
} finally {
  await loader.stop()
  rest()
}
console.log(`\nload average at the end ${loadavg()[0]?.toFixed(2)}, ${Math.round(performance.now() / 1_000)} s`)
if (values.record) record(sections, { dist: values.dist, startedAt })
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify({ machine: describeMachine(), plan, sections }, null, 2)}\n`)

function planOf(): Plan {
  const base = values.short ? SHORT : FULL
  return {
    ...base,
    ...(values.rounds === undefined ? {} : { rounds: Number(values.rounds) }),
    ...(values.seconds === undefined
      ? {}
      : { measureMs: Number(values.seconds) * 1_000, warmUpMs: Math.min(base.warmUpMs, Number(values.seconds) * 2_000) }),
  }
}
