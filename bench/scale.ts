import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Database } from '../src/core/database/database.js'
import type { Ledger } from '../src/core/ledger/ledger.js'
import { systemClock } from '../src/core/platform/clock.js'
import { newId } from '../src/core/platform/ids.js'
import { Draft } from '../src/core/state/draft.js'
import type { Snapshot } from '../src/core/state/snapshot.js'
import { featureFlagCollection } from '../src/packs/feature-flags/feature-flag.collection.js'
import { setFeatureFlag } from '../src/packs/feature-flags/feature-flag.commands.js'
import { openTestDatabase } from '../test/testkit/databases.js'
import { openTestLedger, run, TESTER } from '../test/testkit/ledger.js'
import { type Measurement, Stopwatch, type Window } from './measurement.js'
import type { Fact, Section } from './report.js'
import { runRounds, type Scenario } from './rounds.js'
import { percentileOf, spreadOf } from './statistics.js'

/** How much is measured. */
export interface ScaleOptions {
  /** Numbers of flags; costs are compared with the first. */
  readonly sizes: readonly number[]
  readonly rounds: number
  readonly window: Window
}

/** A state of so many flags, on an embedded database of its own. */
interface Site {
  readonly size: number
  readonly label: string
  readonly database: Database
  readonly ledger: Ledger
  readonly load: Fact
  nextKey(): string
}

const GETS = 1_000
const COMMITTERS = 8
/** A step that has no factor in common with the sizes: keys come in no order, and each comes once before any comes again. */
const STRIDE = 7_919

/** What one toggle, a start and a read cost with few flags and with many. */
export async function measureScale({ sizes, rounds, window }: ScaleOptions): Promise<Section> {
  const sites: Site[] = []
  try {
    for (const size of sizes) sites.push(await openSite(size, rounds))
    const largest = sites.at(-1)
    const scenarios = [
      ...compare(
        sites,
        (site) => `draft of one toggle, ${site.label}`,
        (site) => async () => draftToggles(site, window),
      ),
      ...compare(
        sites,
        (site) => `commit of one toggle, pglite, ${site.label}`,
        (site) => () => commitToggles(site, window),
      ),
      ...(largest ? readScenarios(largest, window) : []),
    ]
    return { title: 'Scale', rows: await runRounds(scenarios, rounds), facts: sites.map(({ load }) => load) }
  } finally {
    for (const { ledger, database } of sites) {
      await ledger.close()
      await database.close()
    }
  }
}

function compare(sites: readonly Site[], nameOf: (site: Site) => string, measureOf: (site: Site) => Scenario['measure']): Scenario[] {
  const [first] = sites
  return sites.map((site) => ({
    name: nameOf(site),
    measure: measureOf(site),
    ...(first && site !== first ? { baseline: nameOf(first) } : {}),
  }))
}

const INSERT = `INSERT INTO feature_flags (key, id, "group", description, is_enabled, strategies, variants, version, created_at, updated_at)
  SELECT 'flag-' || i, 'id-' || i, 'group-' || i % 50, 'Flag number ' || i, true, '[]', '[]', 1, now(), now() FROM generate_series(0, $1::int - 1) i`

async function openSite(size: number, rounds: number): Promise<Site> {
  const database = await openTestDatabase('pglite')
  await database.pool.query(INSERT, [size])
  const label = `${size.toLocaleString('en')} flags`
  const timesMs: number[] = []
  let ledger: Ledger | undefined
  for (let round = 0; round < rounds || !ledger; round += 1) {
    await ledger?.close()
    const startedAtMs = performance.now()
    ledger = await openTestLedger(database)
    timesMs.push(performance.now() - startedAtMs)
  }
  const found = ledger.snapshot.view(featureFlagCollection).size
  if (found !== size) throw new Error(`${found} flags were loaded, ${size} are there`)
  let index = 0
  const nextKey = (): string => {
    index = (index + STRIDE) % size
    return `flag-${index}`
  }
  return { size, label, database, ledger, load: { name: `load of ${label} at start`, timeMs: spreadOf(timesMs) }, nextKey }
}

/** Command, images of the change and next snapshot, in memory alone. */
function draftToggles(site: Site, window: Window): Measurement {
  const watch = new Stopwatch(window)
  let { snapshot } = site.ledger
  while (!watch.isOver) {
    const startedAtMs = performance.now()
    snapshot = toggled(snapshot, site.nextKey())
    watch.note(startedAtMs)
  }
  return watch.result()
}

function toggled(snapshot: Snapshot, key: string): Snapshot {
  const draft = new Draft(snapshot)
  const result = setFeatureFlag.run(
    draft,
    { key, isEnabled: !isOn(snapshot, key) },
    { caller: TESTER, now: systemClock.now(), newId, settings: { isSecretValueAllowed: false } },
  )
  if (!result.ok || draft.changes().length !== 1) throw new Error(`the toggle of ${key} changed nothing`)
  return draft.toSnapshot({ revision: snapshot.revision + 1, digest: snapshot.digest })
}

/** The whole way, one commit after the other. */
async function commitToggles(site: Site, window: Window): Promise<Measurement> {
  const watch = new Stopwatch(window)
  while (!watch.isOver) {
    const startedAtMs = performance.now()
    await commitToggle(site)
    watch.note(startedAtMs)
  }
  return watch.result()
}

async function commitToggle({ ledger, nextKey }: Site): Promise<void> {
  const key = nextKey()
  const isEnabled = !isOn(ledger.snapshot, key)
  const outcome = await run(ledger, setFeatureFlag, { key, isEnabled })
  if (!outcome.ok || outcome.revision === null || isOn(ledger.snapshot, key) !== isEnabled)
    throw new Error(`the toggle of ${key} did not land`)
}

function isOn(snapshot: Snapshot, key: string): boolean {
  const flag = snapshot.view(featureFlagCollection).get(key)
  if (!flag) throw new Error(`${key} is not there`)
  return flag.isEnabled
}

/** Reads of the newest snapshot. They wait for nothing: they are plain calls, between any two turns of a commit. */
function readScenarios(site: Site, window: Window): Scenario[] {
  const baseline = `view.get, ${site.label}, nobody commits`
  return [
    { name: baseline, measure: () => readAll(site, window) },
    { name: `view.get, ${site.label}, ${COMMITTERS} callers commit`, baseline, measure: () => readBesideCommits(site, window) },
  ]
}

async function readBesideCommits(site: Site, window: Window): Promise<Measurement> {
  const state = { isOver: false }
  const commits = Array.from({ length: COMMITTERS }, async () => {
    while (!state.isOver) await commitToggle(site)
  })
  const before = site.ledger.snapshot.revision
  const reading = readAll(site, window).finally(() => {
    state.isOver = true
  })
  const [measurement] = await Promise.all([reading, ...commits])
  if (site.ledger.snapshot.revision === before) throw new Error('nothing was committed while reads were measured')
  return measurement
}

/** One group of reads in each turn of the event loop; times are those of one read. */
async function readAll({ ledger, nextKey }: Site, { warmUpMs, measureMs }: Window): Promise<Measurement> {
  const fromMs = performance.now() + warmUpMs
  const timesMs: number[] = []
  for (let startedAtMs = performance.now(); startedAtMs < fromMs + measureMs; startedAtMs = performance.now()) {
    for (let count = 0; count < GETS; count += 1) isOn(ledger.snapshot, nextKey())
    if (startedAtMs >= fromMs) timesMs.push((performance.now() - startedAtMs) / GETS)
    await nextTurn()
  }
  const meanMs = timesMs.reduce((sum, time) => sum + time, 0) / timesMs.length
  return { count: timesMs.length * GETS, perSecond: 1_000 / meanMs, p50Ms: percentileOf(timesMs, 50), p99Ms: percentileOf(timesMs, 99) }
}
