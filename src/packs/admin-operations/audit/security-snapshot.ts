import type { CoreServices } from '../../../core/contract/core-services.js'
import { isLoopback } from '../../../core/values/loopback.js'
import { type ClientFacts, securitySources } from '../ports.js'
import { type AuditIntegrity, integrityCheck } from './audit-integrity.js'
import { findingTally } from './finding-tally.js'
import { FINDING_SEVERITIES, type FindingSeverityName, type SecurityFinding, type SecuritySnapshot } from './security-snapshot.types.js'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** A key that is not used for so long is probably forgotten. */
const UNUSED_DAYS = 90
const EXPIRING_DAYS = 30
/** Names that one message lists. */
const MAX_NAMES = 5

/** Events of the last hour, counted. */
interface HourCounts {
  readonly denied: number
  readonly failedAuthentications: number
  readonly rateLimited: number
}

/** Puts the picture together. */
export async function takeSecuritySnapshot(core: CoreServices): Promise<SecuritySnapshot> {
  const sources = core.once(securitySources)
  const { settings, ledger, clock } = core
  const [now, { snapshot }] = [clock.now(), ledger]
  const [counts, auditIntegrity] = await Promise.all([countLastHour(core, now), core.once(integrityCheck).checkRecent()])
  const clients = sources.clients(core, snapshot, now)
  const usable = clients.filter(({ isUsable }) => isUsable)
  const isIntrospectionOpen = settings.isDevelopment && isLoopback(settings.host)
  const picture = {
    takenAt: now,
    activeClients: usable.length,
    inactiveClients: clients.length - usable.length,
    activeAdmins: usable.filter(({ isAdmin }) => isAdmin).length,
    keysExpiringSoon: usable.filter(({ expiresAt }) => expiresAt && expiresAt.getTime() - now.getTime() < EXPIRING_DAYS * DAY_MS).length,
    keysNeverUsed: usable.filter(({ lastUsedAt }) => !lastUsedAt).length,
    deniedCallsLastHour: counts.denied,
    failedAuthenticationsLastHour: counts.failedAuthentications,
    rateLimitDenialsLastHour: counts.rateLimited,
    maintenanceMode: sources.maintenanceMode(snapshot, now),
    isIntrospectionOpen,
    auditIntegrity,
  }
  const findings = [
    ...clientFindings(usable, now),
    ...deploymentFindings(core, { isIntrospectionOpen, hasRateLimit: sources.hasRateLimit(snapshot) }),
    ...chainFindings(auditIntegrity),
  ]
  core.once(findingTally).note(findings)
  const weight = ({ severity }: SecurityFinding): number => FINDING_SEVERITIES.indexOf(severity)
  return { ...picture, findings: findings.sort((a, b) => weight(b) - weight(a)) }
}

function finding(severity: FindingSeverityName, code: string, message: string): SecurityFinding {
  return { severity, code, message }
}

function clientFindings(usable: readonly ClientFacts[], now: Date): SecurityFinding[] {
  const lasting = usable.filter(({ isAdmin, expiresAt }) => isAdmin && !expiresAt)
  const forgotten = usable.filter(({ lastUsedAt, createdAt }) => now.getTime() - (lastUsedAt ?? createdAt).getTime() > UNUSED_DAYS * DAY_MS)
  const findings: SecurityFinding[] = []
  if (lasting.length > 0) {
    findings.push(
      finding(
        'WARNING',
        'ADMIN_KEY_WITHOUT_EXPIRY',
        `Admin keys without an end: ${listed(lasting)}. Keep one for emergencies; give the others an expiry.`,
      ),
    )
  }
  if (forgotten.length > 0) {
    findings.push(finding('WARNING', 'KEY_UNUSED', `Not used for ${UNUSED_DAYS} days: ${listed(forgotten)}. Deactivate what nobody needs.`))
  }
  return findings
}

function deploymentFindings({ settings }: CoreServices, facts: { isIntrospectionOpen: boolean; hasRateLimit: boolean }): SecurityFinding[] {
  const serious: FindingSeverityName = settings.isProduction ? 'CRITICAL' : 'WARNING'
  const findings: SecurityFinding[] = []
  if (facts.isIntrospectionOpen)
    findings.push(
      finding(
        'INFO',
        'INTROSPECTION_OPEN',
        'The schema can be read without a key from this machine. Set NODE_ENV=production where that should not be.',
      ),
    )
  if (!settings.keyPepper)
    findings.push(
      finding(
        serious,
        'NO_PEPPER',
        'Keys are stored as plain SHA-256. Set VALHALLA_KEY_PEPPER before keys are handed out: digests made without it do not work with it.',
      ),
    )
  if (!settings.auditKey)
    findings.push(
      finding(
        serious,
        'NO_AUDIT_KEY',
        'The digest chain of the change log has no secret key, so whoever can write to the database can forge it. Set VALHALLA_AUDIT_KEY.',
      ),
    )
  if (!facts.hasRateLimit)
    findings.push(
      finding(
        'WARNING',
        'NO_RATE_LIMIT',
        'No rate limit is in force. Set one with setRateLimitRule; isShadow: true shows first what it would deny.',
      ),
    )
  if (settings.isProduction && settings.environmentName === 'development') {
    findings.push(finding('WARNING', 'DEFAULT_ENVIRONMENT', 'A production build calls itself "development". Set VALHALLA_ENV.'))
  }
  return findings
}

function chainFindings({ isIntact, firstBrokenRevision, tamperedObjects, firstBrokenEvent }: AuditIntegrity): SecurityFinding[] {
  if (isIntact) return []
  const findings: SecurityFinding[] = []
  if (firstBrokenRevision !== null)
    findings.push(
      finding(
        'CRITICAL',
        'CHAIN_BROKEN',
        `The change log is not what was written, from revision ${firstBrokenRevision} on. Compare it with a backup, and with head digests that you kept.`,
      ),
    )
  if (tamperedObjects.length > 0) {
    const names = tamperedObjects.map(({ targetType, targetKey }) => `${targetType} ${targetKey}`)
    findings.push(
      finding(
        'CRITICAL',
        'OBJECT_TAMPERED',
        `Changed in the database without the control plane: ${shortList(names)}. Compare them with their history, then set them anew.`,
      ),
    )
  }
  if (firstBrokenRevision === null && tamperedObjects.length === 0) {
    const place = firstBrokenEvent === null ? '' : `, from event ${firstBrokenEvent} on`
    findings.push(finding('CRITICAL', 'EVENTS_BROKEN', `The audit events are not what was written${place}. Compare them with a backup.`))
  }
  return findings
}

function listed(clients: readonly ClientFacts[]): string {
  return shortList(clients.map(({ name }) => name))
}

function shortList(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES).join(', ')
  return names.length > MAX_NAMES ? `${shown} and ${names.length - MAX_NAMES} more` : shown
}

async function countLastHour({ database }: CoreServices, now: Date): Promise<HourCounts> {
  const text = `SELECT
      coalesce(sum(n) FILTER (WHERE outcome = 'DENIED' AND actor_id IS NOT NULL AND code IS DISTINCT FROM 'UNAUTHENTICATED'), 0)::int AS denied,
      coalesce(sum(n) FILTER (WHERE code = 'UNAUTHENTICATED'), 0)::int AS "failedAuthentications",
      coalesce(sum(n) FILTER (WHERE outcome = 'DENIED' AND code = 'RATE_LIMITED'), 0)::int AS "rateLimited"
    FROM (SELECT outcome, code, actor_id, coalesce((detail ->> 'count')::int, 1) AS n FROM audit_events WHERE at >= $1) events`
  const since = new Date(now.getTime() - HOUR_MS)
  const { rows } = await database.ask<HourCounts>(text, [since])
  return rows[0] ?? { denied: 0, failedAuthentications: 0, rateLimited: 0 }
}
