import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RunningService } from '../../src/core/contract/running-service.js'
import type { Database } from '../../src/core/database/database.js'
import { readBuildInfo } from '../../src/packs/deployment/profile/build-info.js'
import { HandClock } from '../testkit/hand-clock.js'
import { startTestServer, type TestServer } from '../testkit/server.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PROFILE = `{ deploymentProfile { service version environment region commit builtAt startedAt uptimeSeconds nodeVersion instanceId
  baseUrl databaseEngine databaseVersion appliedMigrations pendingMigrations revision } }`

const clock = new HandClock()
let server: TestServer
beforeAll(async () => {
  const settings = {
    VALHALLA_ENV: 'staging',
    VALHALLA_REGION: 'eu-west-1',
    VALHALLA_PUBLIC_URL: 'https://control.example.com/valhalla/',
  }
  server = await startTestServer(settings, {}, { clock })
})
afterAll(() => server.close())

async function profileOf(of: TestServer): Promise<Record<string, unknown>> {
  const { data, errors } = await of.gql(PROFILE)
  expect(errors).toBe(undefined)
  return (data as unknown as { deploymentProfile: Record<string, unknown> }).deploymentProfile
}

describe('the deployment profile (seed: profile retrieval)', () => {
  it('says what runs, where and on what', async () => {
    const { name, version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<string, string>
    const { services } = server
    expect(await profileOf(server)).toEqual({
      service: name,
      version,
      environment: 'staging',
      region: 'eu-west-1',
      commit: null,
      builtAt: null,
      startedAt: services.service.startedAt.toISOString(),
      uptimeSeconds: expect.any(Number),
      nodeVersion: process.versions.node,
      instanceId: services.instanceId,
      baseUrl: 'https://control.example.com/valhalla',
      databaseEngine: 'pglite',
      databaseVersion: services.database.version,
      appliedMigrations: services.database.migrations.applied,
      pendingMigrations: [],
      revision: services.ledger.snapshot.revision,
    })
  })

  it('looks at the migrations once for both lists of them', async () => {
    let looks = 0
    const count = (): void => void looks++
    const { pool } = server.services.database as Database
    pool.on('acquire', count)
    const found: number[] = []
    for (let round = 0; round < 5; round += 1) {
      looks = 0
      await profileOf(server)
      found.push(looks)
    }
    pool.off('acquire', count)
    // Now and then the process asks something of its own.
    expect(Math.min(...found)).toBe(1)
  })

  it('has the address at which the process listens where there is no public URL (seed: environment handling)', async () => {
    const plain = await startTestServer()
    try {
      expect(await profileOf(plain)).toMatchObject({ environment: 'test', region: null, baseUrl: `${plain.url}/` })
    } finally {
      await plain.close()
    }
  })

  it('counts how long the process runs', async () => {
    expect(await profileOf(server)).toMatchObject({ uptimeSeconds: 0 })
    clock.pass(90_999)
    expect(await profileOf(server)).toMatchObject({ uptimeSeconds: 90 })
  })
})

it('a service that does not listen yet says so', () => {
  const service = new RunningService(new Date(0))
  expect(() => service.door).toThrow('still starting')
})

describe('what the build stamps', () => {
  const folder = mkdtempSync(join(tmpdir(), 'valhalla-stamp-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'dist'))
  writeFileSync(join(folder, 'package.json'), '{"name":"a-service","version":"1.2.3"}')

  const stamp = (env: Record<string, string>) =>
    execFileSync(process.execPath, ['--import', 'tsx', join(ROOT, 'scripts', 'build', 'stamp.ts'), folder], {
      cwd: ROOT,
      env: { PATH: process.env['PATH'] ?? '', ...env },
    })

  it('is nothing for sources', () => {
    expect(readBuildInfo(join(folder, 'dist'))).toEqual({ name: 'a-service', version: '1.2.3', commit: null, builtAt: null })
  })

  it('is the time, and the commit where somebody knows it', () => {
    const before = Date.now()
    stamp({ GIT_COMMIT: 'ABCDEF0123456789abcdef0123456789abcdef01' })
    const { builtAt, ...info } = readBuildInfo(join(folder, 'dist'))
    expect(info).toEqual({ name: 'a-service', version: '1.2.3', commit: 'abcdef0123456789abcdef0123456789abcdef01' })
    expect(builtAt?.getTime()).toBeGreaterThanOrEqual(before)
    stamp({ SOURCE_COMMIT: 'not a commit; rm -rf' })
    expect(readBuildInfo(join(folder, 'dist')).commit).toBe(null)
  })

  it('is the commit of git where there is a .git', () => {
    const git = (...args: string[]) =>
      execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    git('init')
    git('-c', 'user.name=a', '-c', 'user.email=a@example.com', 'commit', '--allow-empty', '-m', 'first')
    stamp({ GIT_COMMIT: '0000000' })
    expect(readBuildInfo(join(folder, 'dist')).commit).toBe(git('rev-parse', 'HEAD').trim())
  })
})
