import { createHash } from 'node:crypto'
import type { PlannedChange } from '../change/plan-view.js'
import { canonical } from './compare.js'

/** A plan that was kept, to be applied just as it was looked at. */
export interface SavedPlan {
  readonly url: string
  /** The environment that the server said it is. */
  readonly environment: string
  readonly plannedAtRevision: number
  readonly steps: readonly Readonly<Record<string, object>>[]
  readonly changes: readonly PlannedChange[]
}

const FORMAT = 'valhalla-plan/v1'

/** The text of a kept plan, with a digest of all of it. */
export function writePlan(plan: SavedPlan): string {
  return `${JSON.stringify({ format: FORMAT, sha256: digestOf(plan), ...plan }, null, 1)}\n`
}

/** Reads a kept plan. Returns why it cannot be used instead: it is none, or was edited. */
export function readPlan(text: string): SavedPlan | string {
  let parsed: Partial<SavedPlan> & { readonly format?: string; readonly sha256?: string }
  try {
    parsed = (JSON.parse(text) as typeof parsed | null) ?? {}
  } catch {
    return 'this is no plan that was kept'
  }
  const { format, sha256, url, environment, plannedAtRevision, steps, changes } = parsed
  const isWhole = url !== undefined && environment !== undefined && plannedAtRevision !== undefined && steps && changes
  if (format !== FORMAT || !isWhole) return 'this is no plan that was kept, or one of another version of this command'
  const plan: SavedPlan = { url, environment, plannedAtRevision, steps, changes }
  return sha256 === digestOf(plan) ? plan : 'this plan was changed after it was kept: plan again'
}

function digestOf(plan: SavedPlan): string {
  return createHash('sha256').update(canonical(plan)).digest('hex')
}

/** What makes one operation of whatever is sent for these steps, planned on this revision. */
export function idempotencyKeyOf({ steps, plannedAtRevision }: Pick<SavedPlan, 'steps' | 'plannedAtRevision'>): string {
  return createHash('sha256').update(canonical({ steps, plannedAtRevision })).digest('hex')
}
