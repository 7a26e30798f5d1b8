import type { Log } from '../platform/log.js'
import type { ChangeRecord } from '../state/change.js'

/** Targets that one line names. */
const MAX_TARGETS = 10
/** Longest reason in a line, in characters. */
const MAX_REASON = 200

/**
 * One line for each revision that this process has committed: who did what to which objects, and the digest that the chain ends with,
 * to be kept where nobody can change it. Never a value. `changes` are in the order of their revisions.
 */
export function logCommits(log: Log, changes: readonly ChangeRecord[]): void {
  if (!log.isLevelEnabled('info')) return
  for (let start = 0; start < changes.length; ) {
    const revision = changes[start]?.revision
    const next = changes.findIndex((change, index) => index > start && change.revision !== revision)
    const end = next < 0 ? changes.length : next
    logRevision(log, changes.slice(start, end))
    start = end
  }
}

function logRevision(log: Log, changes: readonly ChangeRecord[]): void {
  const last = changes.at(-1)
  if (!last) return
  const { revision, operation, actor, reason, correlationId, digest } = last
  const targets = changes.slice(0, MAX_TARGETS).map(({ targetType, targetKey }) => `${targetType} ${targetKey}`)
  const shown = reason !== null && reason.length > MAX_REASON ? `${reason.slice(0, MAX_REASON)}…` : reason
  const who = { actor: actor.name, actorId: actor.id }
  log.info({ revision, operation, ...who, changes: changes.length, targets, reason: shown, requestId: correlationId, digest }, 'committed')
}
