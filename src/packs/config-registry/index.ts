import type { Pack } from '../../core/pack.js'
import { configEntries } from './config-entry.collection.js'
import { ConfigEntryResolver } from './config-entry.resolver.js'

/** TZ: settings of the running system that are not secrets. */
export const configRegistry: Pack = {
  id: 'TZ',
  collections: [configEntries],
  permissions: { 'config:read': 'OBSERVER', 'config:write': 'OPERATOR', 'config:unlock': 'ADMIN' },
  resolvers: (core) => [new ConfigEntryResolver(core)],
}
