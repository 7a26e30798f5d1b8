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

/** To run an operation, or to put one back, whatever mode is in force. */
export const MAINTENANCE_OVERRIDE: Permission = 'maintenance:override'

/** The policy of one root field. */
export interface OperationPolicy {
  /** What the caller must hold; null: any authenticated caller. */
  readonly permission: Permission | null
  /** Whether it can change state. */
  readonly writes: boolean
  readonly allowedDuring: AllowedDuring
  /** Whether `overrideMaintenance: true` in its input lets those who hold {@link MAINTENANCE_OVERRIDE} through in every mode. */
  readonly isOverridable: boolean
  /** What one call takes from a rate limit. */
  readonly cost: number
  /** Arguments for the operation index's sample, as GraphQL writes them; left out: made from the types. */
  readonly sample?: string | undefined
  /** The resolver class that declares it. */
  readonly owner?: object
}

/** How `@Operation` is written: what is left out follows from `writes`. */
export interface OperationOptions {
  readonly permission: Permission | null
  readonly writes?: boolean
  readonly allowedDuring?: AllowedDuring
  readonly isOverridable?: boolean
  readonly cost?: number
  readonly sample?: string
}

/** Keys in a field's extensions. */
const POLICY = 'valhallaPolicy'
const PACK = 'valhallaPack'

/** Declares the policy of a root field. The guard enforces it; a root field without one stops the start. */
export function Operation(options: OperationOptions): MethodDecorator {
  const writes = options.writes ?? false
  return (target, key, descriptor) => {
    const policy: OperationPolicy = {
      permission: options.permission,
      writes,
      allowedDuring: options.allowedDuring ?? (writes ? 'write' : 'read'),
      isOverridable: options.isOverridable ?? false,
      cost: options.cost ?? 1,
      sample: options.sample,
      owner: target.constructor,
    }
    const declare = Extensions({ [POLICY]: policy }) as MethodDecorator
    declare(target, key, descriptor)
  }
}

/** The policy in a built field's extensions, or undefined when nobody declared one. */
export function policyOf(extensions: Readonly<Record<string, unknown>> | null | undefined): OperationPolicy | undefined {
  return extensions?.[POLICY] as OperationPolicy | undefined
}

/** What a built field's extensions hold to say which pack it belongs to; see {@link packOf}. */
export function packExtension(packId: string): Readonly<Record<string, unknown>> {
  return { [PACK]: packId }
}

/** The id of the pack that a built field belongs to. */
export function packOf(extensions: Readonly<Record<string, unknown>> | null | undefined): string | undefined {
  return extensions?.[PACK] as string | undefined
}
