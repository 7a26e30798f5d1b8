import type { Command } from 'commander'
import { type Cli, does } from '../cli.js'
import { graphql } from '../connection/document.js'
import { readProfiles } from '../connection/profiles.js'
import type { ResolvedTarget } from '../connection/target.js'
import { CliFault, EXIT } from '../fault.js'
import type { View } from '../output/output.js'
import { now } from '../platform.js'
import { VERSION } from '../version.js'

const PROBE = graphql(`
  query Doctor {
    viewer { role environment apiClient { name expiresAt } }
    operations { name kind }
  }
`)

/** One thing that was looked at. */
interface Finding {
  readonly check: string
  readonly status: 'ok' | 'warning' | 'error'
  readonly detail: string
}

const view: View<Finding> = {
  name: ({ check, status }) => `${check} ${status}`,
  columns: [
    ['check', ({ check }) => check],
    ['status', ({ status }) => status],
    ['detail', ({ detail }) => detail],
  ],
}

/** How far clocks may be apart before times in logs and plans mislead. */
const MAX_SKEW_MS = 5_000
const SOON_MS = 7 * 86_400_000

/** `valhalla doctor` */
export function addDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description('Look at what can be wrong between you and the control plane; ends with 1, 6 or 69 when something is.')
  does(command, async (cli) => {
    const found: Finding[] = [await inspectFile()]
    const faults: CliFault[] = []
    const add = async (check: string, look: () => Promise<Finding[]>): Promise<void> => {
      try {
        found.push(...(await look()))
      } catch (error) {
        if (!(error instanceof CliFault)) throw error
        faults.push(error)
        found.push({ check, status: 'error', detail: [error.message, error.hint].filter(Boolean).join('; ') })
      }
    }
    await add('server', async () => inspectServer(await cli.target()))
    if (faults.length === 0) await add('key', () => inspectKey(cli))
    await cli.out.rows(found, view)
    if (faults[0]) process.exitCode = faults[0].exitCode
    else if (found.some(({ status }) => status === 'error')) process.exitCode = EXIT.fault
  })
}

async function inspectFile(): Promise<Finding> {
  try {
    const { profiles, current } = await readProfiles()
    return {
      check: 'profiles',
      status: 'ok',
      detail: `${Object.keys(profiles).length} kept, for your eyes alone; current: ${current ?? 'none'}`,
    }
  } catch (error) {
    if (!(error instanceof CliFault)) throw error
    return { check: 'profiles', status: 'error', detail: `${error.message}; ${error.hint ?? ''}` }
  }
}

async function inspectServer({ url, profileName }: ResolvedTarget): Promise<Finding[]> {
  let response: Response
  try {
    response = await fetch(`${url}/readyz`, { redirect: 'manual', signal: AbortSignal.timeout(10_000) })
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    throw new CliFault(EXIT.unavailable, `${url} cannot be reached: ${(cause as Error).message}`, 'is it running, and is --url right?')
  }
  const health = (await response.json().catch(() => ({}))) as { degraded?: boolean; damage?: unknown }
  const isGood = response.status === 200 && health.degraded !== true
  const from = profileName === undefined ? '' : ` (profile ${profileName})`
  const state = health.degraded ? 'degraded: its database is away or damaged' : `HTTP ${response.status}`
  const date = Date.parse(response.headers.get('date') ?? '')
  const skew = Number.isNaN(date) ? 0 : now().getTime() - date
  // The header counts whole seconds.
  const isApart = Math.abs(skew) > MAX_SKEW_MS + 1_000
  return [
    { check: 'server', status: isGood ? 'ok' : 'error', detail: `${url}${from}: ${isGood ? 'reachable and ready' : state}` },
    {
      check: 'clock',
      status: isApart ? 'warning' : 'ok',
      detail: isApart ? `yours is ${Math.round(skew / 1_000)} s off the server's` : 'within 5 s',
    },
  ]
}

async function inspectKey(cli: Cli): Promise<Finding[]> {
  const { viewer, operations } = await cli.ask(PROBE, {})
  const { MUTATIONS } = await import('../../generated/graphql/inputs.js')
  const there = new Set(operations.map(({ name }) => name))
  const missing = Object.keys(MUTATIONS).filter((name) => !there.has(name))
  const expiresAt = viewer.apiClient?.expiresAt ?? null
  const isSoon = expiresAt !== null && Date.parse(expiresAt) - now().getTime() < SOON_MS
  return [
    { check: 'key', status: 'ok', detail: `${viewer.apiClient?.name ?? 'unknown'}, ${viewer.role}, in ${viewer.environment}` },
    { check: 'expiry', status: isSoon ? 'warning' : 'ok', detail: expiresAt === null ? 'never' : expiresAt },
    {
      check: 'schema',
      status: missing.length > 0 ? 'warning' : 'ok',
      detail:
        missing.length > 0
          ? `the server is older than this command ${VERSION}: it lacks ${missing.join(', ')}`
          : `has all that this command ${VERSION} asks for`,
    },
  ]
}
