import { Extensions } from 'type-graphql'
import type { Permission } from './caller.js'

/** The modes of the control plane, from the laxest to the strictest. */
export const MAINTENANCE_MODES = ['NORMAL', 'READ_ONLY', 'MAINTENANCE'] as const
export type MaintenanceModeName = (typeof MAINTENANCE_MODES)[number]

/**
 * Which modes let an operation through. `always`: all three. `read`: all three, but in MAINTENANCE only those who watch
 * or mend (OPERATOR, ADMIN, HEIMDALL clients). `write`: NORMAL only.
 */
export type AllowedDuring = 'always' | 'read' | 'write'

/** The policy of one root field. */
export interface OperationPolicy {
  /** What the caller must hold; null: any authenticated caller. */
  readonly permission: Permission | null
  /** Whether it can change state. */
  readonly writes: boolean
  readonly allowedDuring: AllowedDuring
  /** What one call takes from a rate limit. */
  readonly cost: number
}

/** How `@Operation` is written: what is left out follows from `writes`. */
export interface OperationOptions {
  readonly permission: Permission | null
  readonly writes?: boolean
  readonly allowedDuring?: AllowedDuring
  readonly cost?: number
}

/** The key of the policy in a field's extensions. */
const EXTENSION = 'valhallaOperation'

/** Declares the policy of a root field. The guard enforces it; a root field without one stops the start. */
export function Operation(options: OperationOptions): MethodDecorator & PropertyDecorator {
  const writes = options.writes ?? false
  const policy: OperationPolicy = {
    permission: options.permission,
    writes,
    allowedDuring: options.allowedDuring ?? (writes ? 'write' : 'read'),
    cost: options.cost ?? 1,
  }
  return Extensions({ [EXTENSION]: policy }) as MethodDecorator & PropertyDecorator
}

/** The policy in a built field's extensions, or undefined when nobody declared one. */
export function policyOf(extensions: Readonly<Record<string, unknown>> | null | undefined): OperationPolicy | undefined {
  return extensions?.[EXTENSION] as OperationPolicy | undefined
}
