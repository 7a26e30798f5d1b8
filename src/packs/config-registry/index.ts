import type { Pack } from '../../core/contract/pack.js'
import { configEntries } from './config-entry.collection.js'
import { createSetConfig, deleteConfig } from './config-entry.commands.js'
import { DeleteConfigInput, SetConfigInput } from './config-entry.inputs.js'
import { ConfigEntryResolver } from './config-entry.resolver.js'

/** TZ: settings of the running system that are not secrets. */
export const configRegistry: Pack = {
  id: 'TZ',
  collections: [configEntries],
  permissions: { 'config:read': 'OBSERVER', 'config:write': 'OPERATOR', 'config:unlock': 'ADMIN' },
  steps: [
    {
      name: 'setConfig',
      input: SetConfigInput,
      description: 'Makes a config entry or changes it.',
      command: ({ settings }) => createSetConfig(settings),
    },
    { name: deleteConfig.name, input: DeleteConfigInput, description: 'Deletes a config entry.', command: () => deleteConfig },
  ],
  resolvers: (core) => [new ConfigEntryResolver(core)],
}
