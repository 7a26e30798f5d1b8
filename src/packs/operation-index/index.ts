import { definePack } from '../../core/contract/pack.js'
import { OPERATIONS_READ, OperationResolver } from './operation.resolver.js'
import { SEARCH, SearchResolver } from './search/search.resolver.js'

/** TY: what this control plane can do. */
export const operationIndex = definePack({
  id: 'TY',
  collections: [],
  permissions: { [OPERATIONS_READ]: 'OBSERVER', [SEARCH]: 'OBSERVER' },
  resolvers: [OperationResolver, SearchResolver],
})
