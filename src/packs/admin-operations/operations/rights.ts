import type { Caller } from '../../../core/contract/caller.js'
import { AppError } from '../../../core/contract/errors.js'
import type { Demand } from '../../../core/contract/write.js'

/** Throws FORBIDDEN unless the caller may change each kind of object that is put back. */
export function demandRights({ permissions }: Caller, demands: readonly Demand[]): void {
  const lacking = demands.find(({ permission }) => !permissions.has(permission))
  if (!lacking) return
  const { targetType, permission } = lacking
  throw new AppError('FORBIDDEN', `Reverting a change of ${targetType} needs the permission ${permission}, which your role does not have.`)
}
