import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What this project is compared with, in exact versions. None is a dependency of it; they are installed and measured, and nothing else. */
const PACKAGES = {
  graphql: ['@apollo/server@5.5.1', 'fastify@5.12.8', 'graphql@16.14.2', 'mercurius@16.10.1'],
  unleash: ['unleash-server@7.5.1'],
  keystone: ['@keystone-6/core@8.1.0', '@prisma/adapter-pg@7.10.1'],
} as const

/** Where they are kept between runs; VALHALLA_PEERS names another folder. */
const ROOT = process.env['VALHALLA_PEERS'] ?? join(tmpdir(), 'valhalla-peers')

/**
 * The folder that peers of one kind are installed in; installs them when they are not there. Scripts of packages are not run.
 *
 * @throws Error with what npm said
 */
export function installed(kind: keyof typeof PACKAGES): string {
  const folder = join(ROOT, kind)
  const mark = join(folder, `${PACKAGES[kind].join('+').replaceAll('/', '-')}.installed`)
  if (existsSync(mark)) return folder
  console.log(`installing ${PACKAGES[kind].join(', ')} into ${folder}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "name": "peers", "private": true }\n')
  const args = ['install', '--save-exact', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error', ...PACKAGES[kind]]
  execFileSync('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'], shell: process.platform === 'win32' })
  writeFileSync(mark, '')
  return folder
}

/** Runs `start` with the peers' folder; a peer that cannot be installed or started here is none, and a line says why. */
export async function orNone<T>(name: string, start: () => Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await start()
  } catch (error) {
    console.log(`not measured: ${name}: ${error instanceof Error ? error.message : String(error)}`)
    return []
  }
}
