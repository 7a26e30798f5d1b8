import { definePack } from '../../core/contract/pack.js'
import { CONFIG_READ, CONFIG_UNLOCK, CONFIG_WRITE, configEntryCollection } from './config-entry.collection.js'
import { ConfigEntryResolver } from './config-entry.resolver.js'
import { configEntryWrites } from './config-entry.writes.js'

/** TZ: settings of the running system that are not secrets. */
export const configRegistry = definePack({
  id: 'TZ',
  collections: [configEntryCollection],
  permissions: { [CONFIG_READ]: 'OBSERVER', [CONFIG_WRITE]: 'OPERATOR', [CONFIG_UNLOCK]: 'ADMIN' },
  writes: configEntryWrites,
  resolvers: [ConfigEntryResolver],
})
