import { isSameJson, type JsonObject } from '../../src/core/values/json.js'

/** What became of a write, as its client knows it. */
export type AttemptOutcome =
  /** Answered: it has landed at this revision; `version` is null for a delete. */
  | { readonly kind: 'acknowledged'; readonly revision: number; readonly version: number | null }
  /** Answered: nothing was changed. */
  | { readonly kind: 'refused'; readonly codes: readonly string[] }
  /** No answer, or one that says that nobody knows: it may have landed or not. */
  | { readonly kind: 'unanswered' }

/** One write that a client has tried. */
export interface Attempt {
  /** Who tried: the attempts of one client follow each other. */
  readonly client: string
  readonly correlationId: string
  readonly targetType: string
  readonly key: string
  /** Fields that the object must have afterwards; null for a delete. */
  readonly content: JsonObject | null
  readonly outcome: AttemptOutcome
}

/** A change as the log or the API shows it. */
export interface LoggedChange {
  /** `<revision>.<ordinal>` */
  readonly id: string
  readonly revision: number
  readonly targetType: string
  readonly action: string
  readonly before: JsonObject | null
  readonly after: JsonObject | null
  readonly correlationId: string
}

/** What an audit found. */
export interface AuditReport {
  /** One line for each thing that must not be. */
  readonly violations: readonly string[]
  /** Acknowledged writes that are not in the log as they were acknowledged. */
  readonly lost: number
  /** Revisions that should be there and are not. */
  readonly gaps: number
  /** Unanswered writes that have landed. */
  readonly landed: number
}

/** Which part of the log is audited: revisions above `since`, up to `head`. */
export interface AuditBounds {
  readonly since: number
  readonly head: number
}

/**
 * Holds a part of the log against everything that was tried meanwhile: each acknowledged write is there once, with its
 * revision and content; a refused one is not there; an unanswered one is there once or not at all; nothing else is there;
 * revisions have no gap; and what one client was told follows the order in which it asked. Each write changes one object.
 */
export function auditWrites(attempts: readonly Attempt[], changes: readonly LoggedChange[], bounds: AuditBounds): AuditReport {
  const byCorrelation = groupByCorrelation(changes)
  const missing = missingRevisions(changes, bounds)
  const violations = missing.map((revision) => `gap: there is no revision ${revision} (the head is ${bounds.head})`)
  violations.push(...disorder(changes, bounds), ...strangers(attempts, changes), ...backwards(attempts))
  let lost = 0
  let landed = 0
  for (const attempt of attempts) {
    const found = byCorrelation.get(attempt.correlationId) ?? []
    const fault = faultOf(attempt, found)
    if (fault !== undefined)
      violations.push(`${fault}: ${describe(attempt)}; in the log: ${found.map(describeChange).join(', ') || 'nothing'}`)
    if (fault !== undefined && attempt.outcome.kind === 'acknowledged') lost += 1
    if (attempt.outcome.kind === 'unanswered') landed += found.length
  }
  return { violations, lost, gaps: missing.length, landed }
}

/** The objects that a log leads to, by type and key; null for those that were deleted last. */
export function lastOfEach(
  changes: Iterable<LoggedChange>,
  earlier: ReadonlyMap<string, JsonObject | null> = new Map(),
): Map<string, JsonObject | null> {
  const last = new Map(earlier)
  for (const change of changes) last.set(`${change.targetType} ${keyOf(change)}`, change.after)
  return last
}

/** Differences between what a log leads to and what is there, both by type and key: one line each. */
export function compareStates(expected: ReadonlyMap<string, JsonObject | null>, actual: ReadonlyMap<string, JsonObject>): string[] {
  const names = new Set([...expected.keys(), ...actual.keys()])
  return [...names].flatMap((name) => {
    const [wanted, found] = [expected.get(name) ?? null, actual.get(name) ?? null]
    return isSameJson(wanted, found) ? [] : [`${name} is ${JSON.stringify(found)}, and its last change left ${JSON.stringify(wanted)}`]
  })
}

function groupByCorrelation(changes: readonly LoggedChange[]): Map<string, LoggedChange[]> {
  const groups = new Map<string, LoggedChange[]>()
  for (const change of changes) groups.set(change.correlationId, [...(groups.get(change.correlationId) ?? []), change])
  return groups
}

function missingRevisions(changes: readonly LoggedChange[], { since, head }: AuditBounds): number[] {
  const present = new Set(changes.map(({ revision }) => revision))
  return Array.from({ length: Math.max(0, head - since) }, (_, index) => since + 1 + index).filter((revision) => !present.has(revision))
}

/** Changes that come twice, out of order, or from outside of the bounds. */
function disorder(changes: readonly LoggedChange[], { since, head }: AuditBounds): string[] {
  return changes.flatMap(({ id, revision }, index) => {
    if (revision <= since || revision > head) return [`change ${id} is not between revisions ${since} and ${head}`]
    return revision > (changes[index - 1]?.revision ?? since) ? [] : [`change ${id} comes after ${changes[index - 1]?.id}`]
  })
}

function strangers(attempts: readonly Attempt[], changes: readonly LoggedChange[]): string[] {
  const known = new Set(attempts.map(({ correlationId }) => correlationId))
  return changes.filter(({ correlationId }) => !known.has(correlationId)).map((change) => `nobody asked for ${describeChange(change)}`)
}

/** A client that waits for each answer gets ever higher revisions. */
function backwards(attempts: readonly Attempt[]): string[] {
  const latest = new Map<string, number>()
  return attempts.flatMap((attempt) => {
    const { client, outcome } = attempt
    if (outcome.kind !== 'acknowledged') return []
    const before = latest.get(client) ?? 0
    latest.set(client, outcome.revision)
    return outcome.revision > before ? [] : [`revision ${before} was acknowledged to the same client before: ${describe(attempt)}`]
  })
}

/** What is wrong with what the log says of an attempt. */
function faultOf(attempt: Attempt, found: readonly LoggedChange[]): string | undefined {
  const { outcome } = attempt
  if (found.length > 1) return 'landed more than once'
  const [change] = found
  if (outcome.kind === 'refused') return change && 'refused, and landed all the same'
  if (!change) return outcome.kind === 'acknowledged' ? 'lost' : undefined
  if (!isContent(attempt, change)) return 'landed with another content'
  if (outcome.kind === 'unanswered') return undefined
  if (change.revision !== outcome.revision) return 'landed at another revision'
  return outcome.version === (change.after?.['version'] ?? null) ? undefined : 'landed with another version'
}

function isContent({ targetType, key, content }: Attempt, change: LoggedChange): boolean {
  if (change.targetType !== targetType || keyOf(change) !== key) return false
  if (content === null || change.after === null) return content === change.after && change.action === 'DELETE'
  const { after } = change
  return Object.entries(content).every(([field, value]) => isSameJson(after[field] ?? null, value))
}

function keyOf({ before, after }: LoggedChange): string {
  const image = after ?? before ?? {}
  return String(image['key'] ?? image['id'])
}

function describe({ client, correlationId, targetType, key, content, outcome }: Attempt): string {
  const what = content === null ? 'deletes it' : JSON.stringify(content)
  return `${targetType} ${key} ${what}, ${JSON.stringify(outcome)} to ${client} as ${correlationId}`
}

function describeChange(change: LoggedChange): string {
  return `${change.id} ${change.action} ${change.targetType} ${keyOf(change)} ${JSON.stringify(change.after)}`
}
