import type { BenchScenario } from '../bench.js'
import { callsOf, readScenario } from '../reads.js'

const QUERY = `query Dashboard ($flags: Int!) {
  viewer { role permissions }
  systemSummary { totalPacks }
  maintenanceState { mode switchMode reason updatedAt }
  featureFlags(first: $flags) { totalCount nodes { key group isEnabled version updatedAt strategies { rolloutPercent stickiness } } }
  rateLimitRules(first: 20) { totalCount nodes { key scope isEnabled maxRequests windowSeconds } }
  configs(first: 20) { totalCount nodes { key version updatedAt } }
  apiClients(first: 20) { totalCount nodes { name role isActive createdAt } }
}`

/** The first page that an operator sees, again and again. */
export const dashboard: BenchScenario = readScenario({
  name: 'dashboard',
  measures: 'seven root fields of an overview, repeated',
  groups: callsOf(
    QUERY,
    Array.from({ length: 100 }, () => ({ flags: 20 })),
  ),
})
