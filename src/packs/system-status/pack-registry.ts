import type { Pack, PackStatusName, PackSummary } from './system-status.types.js'

const NAMES: Readonly<Record<string, string>> = {
  H: 'Analyst Essentials',
  I: 'Reporter Premium',
  J: 'Dashboard Master',
  K: 'Executor Pro',
  L: 'Verifier Suite',
  M: 'Tracker Manager',
  N: 'Forecaster Analytics',
  O: 'Forecaster Pro',
  P: 'Supervisor Manager',
  Q: 'Supervisor Insight',
  R: 'Analyst Enterprise',
  S: 'Rollout Manager',
  T: 'Security Protocol',
  U: 'Debug Suite',
  V: 'Deployment Checklist',
  W: 'System Completion Metadata',
}

/** The sixteen packs of the system, H to W: professional packs H to R, infrastructure packs S to W. */
export const SYSTEM_PACKS: readonly Pack[] = Object.freeze(
  Object.entries(NAMES).map(([id, name]) => Object.freeze({ id, name, status: 'INSTALLED' as const })),
)

/** The pack with this id, whatever its letter case. */
export function findPack(id: string): Pack | null {
  const wanted = id.toUpperCase()
  return SYSTEM_PACKS.find((pack) => pack.id === wanted) ?? null
}

/** Counts packs by status. Needs no state, so that it can be answered when nothing else can. */
export function countPacks(packs: readonly Pack[] = SYSTEM_PACKS): PackSummary {
  const count = (status: PackStatusName): number => packs.filter((pack) => pack.status === status).length
  return {
    totalPacks: packs.length,
    installedPacks: count('INSTALLED'),
    pendingPacks: count('PENDING'),
    deprecatedPacks: count('DEPRECATED'),
    experimentalPacks: count('EXPERIMENTAL'),
    description: 'Valhalla professional capital markets system: professional packs H to R and system infrastructure packs S to W.',
  }
}
