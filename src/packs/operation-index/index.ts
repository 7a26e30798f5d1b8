import type { Pack } from '../../core/contract/pack.js'
import { OperationResolver } from './operation.resolver.js'

/** TY: what this control plane can do. */
export const operationIndex: Pack = {
  id: 'TY',
  collections: [],
  permissions: { 'operations:read': 'OBSERVER' },
  resolvers: () => [new OperationResolver()],
}
