import { deletion, write } from '../../core/graphql/write.js'
import { CONFIG_UNLOCK, CONFIG_WRITE, configEntryCollection } from './config-entry.collection.js'
import { locked, setConfig, unlockConfig } from './config-entry.commands.js'
import { SetConfigInput, UnlockConfigInput } from './config-entry.inputs.js'
import { ConfigEntry } from './config-entry.types.js'

const returns = {
  field: 'configEntry',
  type: () => ConfigEntry,
  description: 'The entry as it is now; null when there are user errors.',
}

/** Everything that can change entries. */
export const configEntryWrites = [
  write({
    command: setConfig,
    input: SetConfigInput,
    permission: CONFIG_WRITE,
    sample: 'input: { key: "example/key", value: { example: true } }',
    description: 'Makes an entry or changes it. Setting what is already there changes nothing, and is no fault of a locked entry either.',
    takes: 'The key, and what is to be changed.',
    step: 'Makes a config entry or changes it.',
    returns,
  }),
  deletion({
    name: 'deleteConfig',
    collection: configEntryCollection,
    noun: 'entry',
    permission: CONFIG_WRITE,
    description: 'Deletes an entry that is not locked. Its history stays in the change log.',
    about: 'Deletes an entry that is not locked.',
    takes: 'The key.',
    step: 'Deletes a config entry.',
    findFaults: (entry) => (entry && !entry.isMutable ? [locked()] : []),
  }),
  write({
    command: unlockConfig,
    input: UnlockConfigInput,
    permission: CONFIG_UNLOCK,
    description: 'Unlocks an entry: the one way to change or delete it after it was locked.',
    takes: 'The key and the reason.',
    step: 'Unlocks a config entry, so that later steps can change or delete it.',
    returns,
  }),
]
