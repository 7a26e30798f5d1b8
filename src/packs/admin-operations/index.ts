import type { Pack } from '../../core/pack.js'
import { changeResolver } from './change.resolver.js'

/** UF: the change log. */
export const adminOperations: Pack = {
  id: 'UF',
  collections: [],
  permissions: { 'changes:read': 'OBSERVER' },
  resolvers: (core) => [changeResolver(core)],
}
