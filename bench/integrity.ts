import 'reflect-metadata'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Database } from '../src/core/database/database.js'
import { openDatabase } from '../src/core/database/open.js'
import { nextDigest } from '../src/core/ledger/digest.js'
import { systemClock } from '../src/core/platform/clock.js'
import { type ChangeRecord, toChangeRow } from '../src/core/state/change.js'
import { generateApiKey } from '../src/packs/api-clients/keys/api-key.js'
import { featureFlagCollection } from '../src/packs/feature-flags/feature-flag.collection.js'
import { createTestDatabase, silentLog, usePostgres } from '../test/testkit/databases.js'
import { askOverHttp, launchServer } from '../test/testkit/server-process.js'
import { percentileOf } from './statistics.js'

/**
 * `npm run bench:integrity [-- --changes N] [-- --dist DIR]`: how long reads take while nothing else happens, beside a check of N
 * changes (200,000 if not said otherwise), and beside a security snapshot after it. DIR is a build, such as one of an older state.
 * The log is written as builds before the seals wrote it, so that they can be measured, too.
 */
const { values } = parseArgs({ options: { changes: { type: 'string', default: '200000' }, dist: { type: 'string', default: 'dist' } } })
const program = [join(resolve(values.dist), 'main.js')]
const count = Number(values.changes)
const FLAGS = 1_000
const PORTION = 2_000
const AUDIT_KEY = 'audit key of the benchmark'

const adminKey = generateApiKey('test')
const common = {
  NODE_ENV: 'test',
  VALHALLA_ADMIN_KEY: adminKey,
  VALHALLA_AUDIT_KEY: AUDIT_KEY,
  VALHALLA_DISK_RESERVE_MB: '0',
  VALHALLA_WRITE_TIMEOUT_MS: '60000',
}

if (await usePostgres()) {
  const { url, drop } = await createTestDatabase()
  await measure('postgresql', { DATABASE_URL: url }, { databaseUrl: url, dataDir: '' })
  await drop()
}
const root = await mkdtemp(join(tmpdir(), 'valhalla-bench-'))
const dataDir = join(root, 'data')
await measure('pglite', { VALHALLA_DATA_DIR: dataDir }, { dataDir })
await rm(root, { recursive: true, force: true })

async function measure(engine: string, settings: Record<string, string>, place: { databaseUrl?: string; dataDir: string }): Promise<void> {
  const database = await openDatabase({ ...place, reserveBytes: 0, log: silentLog, clock: systemClock })
  await fill(database)
  await database.close()
  const server = launchServer(program, { ...common, ...settings })
  try {
    const { url } = await server.ready
    const idle = readsUntil(url, new Promise((done) => setTimeout(done, 2_000)))
    report(engine, 'reads alone', await idle)
    report(engine, 'reads beside auditIntegrity', await besides(url, '{ auditIntegrity { isIntact checkedRevisions } }'))
    report(
      engine,
      'reads beside securitySnapshot',
      await besides(url, '{ securitySnapshot { auditIntegrity { isIntact checkedRevisions } } }'),
    )
  } finally {
    await server.stop()
  }
}

interface Reads {
  readonly timesMs: readonly number[]
  readonly durationMs: number
  readonly answer?: string
}

async function besides(url: string, query: string): Promise<Reads> {
  const startedAtMs = performance.now()
  const asking = askOverHttp(url, { key: adminKey, query })
  const { timesMs } = await readsUntil(url, asking)
  const { data, errors } = await asking
  return { timesMs, durationMs: performance.now() - startedAtMs, answer: JSON.stringify(errors ?? data) }
}

/** One read after the other until `end` is over; the first one is begun before, and counts. */
async function readsUntil(url: string, end: Promise<unknown>): Promise<Reads> {
  const state = { isOver: false }
  void end.finally(() => {
    state.isOver = true
  })
  const fromMs = performance.now()
  const timesMs: number[] = []
  do {
    const startedAtMs = performance.now()
    await askOverHttp(url, { key: adminKey, query: '{ viewer { role } }' })
    timesMs.push(performance.now() - startedAtMs)
  } while (!state.isOver)
  return { timesMs, durationMs: performance.now() - fromMs }
}

function report(engine: string, what: string, { timesMs, durationMs, answer = '' }: Reads): void {
  const [p50, p99, max] = [percentileOf(timesMs, 50), percentileOf(timesMs, 99), Math.max(...timesMs)].map((ms) => ms.toFixed(1))
  console.log(
    `${engine}, ${count} changes, ${what}: p50 ${p50} ms, p99 ${p99} ms, max ${max} ms, took ${Math.round(durationMs)} ms ${answer}`,
  )
}

async function fill({ pool }: Database): Promise<void> {
  const { rows } = await pool.query<{ revision: number; digest: string }>('SELECT revision, digest FROM ledger_head')
  let { revision = 0, digest = '' } = rows[0] ?? {}
  const images = new Map<string, object>()
  for (let done = 0; done < count; done += PORTION) {
    const changes = Array.from({ length: Math.min(PORTION, count - done) }, (_, index) => {
      revision += 1
      const change = changeOf(revision, done + index, images)
      digest = nextDigest(AUDIT_KEY, digest, change)
      return toChangeRow({ ...change, digest })
    })
    await pool.query('INSERT INTO changes SELECT * FROM json_populate_recordset(NULL::changes, $1::json)', [JSON.stringify(changes)])
  }
  const flags = [...images.values()].map((image) => featureFlagCollection.toRow(featureFlagCollection.fromImage(image as never)))
  await pool.query('INSERT INTO feature_flags SELECT * FROM json_populate_recordset(NULL::feature_flags, $1::json)', [
    JSON.stringify(flags),
  ])
  await pool.query('UPDATE ledger_head SET revision = $1, digest = $2', [revision, digest])
  await pool.query('ANALYZE changes')
}

function changeOf(revision: number, index: number, images: Map<string, object>): Omit<ChangeRecord, 'digest'> {
  const key = `flag-${index % FLAGS}`
  const before = (images.get(key) ?? null) as never
  const at = new Date(Date.UTC(2026, 0, 1) + index)
  const after = {
    ...{ key, id: `id-${key}`, group: 'default', description: `change ${index}`, isEnabled: index % 2 === 0, strategies: [], variants: [] },
    ...{ version: 1 + Math.floor(index / FLAGS), createdAt: new Date(Date.UTC(2026, 0, 1)).toISOString(), updatedAt: at.toISOString() },
  }
  images.set(key, after)
  const place = { id: `${revision}.0`, revision, ordinal: 0, pack: 'UA', targetType: 'FeatureFlag', targetId: after.id, targetKey: key }
  const actor = { id: 'bench', name: 'bench', clientType: null }
  return {
    ...{ ...place, action: before ? 'UPDATE' : 'CREATE', before, after, operation: 'setFeatureFlag', reason: null, actor, at },
    ...{ correlationId: `c-${index}`, isRevertible: true, revertOf: null, seal: null },
  }
}
