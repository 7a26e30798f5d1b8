import { type UserErrorData, userError } from '../../core/contract/errors.js'
import { edited, revise } from '../../core/state/collection.js'
import { type Command, type CommandContext, done, refused } from '../../core/state/command.js'
import { findVersionFaults } from '../../core/state/expectations.js'
import { findNullFaults, toUserErrors } from '../../core/values/faults.js'
import { findJsonFaults, type Json } from '../../core/values/json.js'
import { validateKey } from '../../core/values/key.js'
import { findTextFaults } from '../../core/values/text.js'
import { CONFIG_UNLOCK, type ConfigEntryRecord, configEntryCollection } from './config-entry.collection.js'
import type { SetConfigInput, UnlockConfigInput } from './config-entry.inputs.js'
import { VALUE_LIMITS } from './config-value.js'
import { validateSchema, validateValue } from './schema/value-schema.js'
import { findSecrets, type SecretSubject } from './secrets/secret-detection.js'

/** Faults that the input has whatever the state is. */
function findFaults(input: SetConfigInput): UserErrorData[] {
  const faults = [...validateKey(input.key, ['key']), ...findTextFaults(input.description, ['description'])]
  faults.push(...findNullFaults(input, ['value', 'isMutable']), ...toUserErrors(['value'], findJsonFaults(input.value, VALUE_LIMITS)))
  if (input.valueSchema !== undefined && input.valueSchema !== null) faults.push(...validateSchema(input.valueSchema))
  return faults
}

/** Faults that the input has on this entry. */
function findStateFaults(input: SetConfigInput, before: ConfigEntryRecord | undefined): UserErrorData[] {
  const faults = findVersionFaults(configEntryCollection, before, input.expectedVersion)
  if (!before && input.value === undefined) {
    faults.push(userError('REQUIRED', ['value'], 'There is no entry of this key yet, and a new one needs a value.'))
  }
  return faults
}

/** Faults of the value by the schema. One that was stored under other rules may be refused by now: that is said, too. */
function findMisfits({ valueSchema }: SetConfigInput, next: ConfigEntryRecord): UserErrorData[] {
  const faults = validateValue(next.valueSchema, next.value)
  if (valueSchema !== undefined || faults[0]?.field?.[0] !== 'valueSchema') return faults
  const message = 'The schema that is stored with this entry cannot be used any more. Give another valueSchema, or null for none.'
  return [userError('INVALID', ['valueSchema'], message), ...faults]
}

/** What is said to whoever wants to change or delete a locked entry. */
export function locked(): UserErrorData {
  return userError('IMMUTABLE', ['key'], 'The entry is locked. An ADMIN can unlock it with unlockConfig, giving a reason.')
}

/** What in the input looks like a secret, as faults; what cannot be stored anyway is not looked at. */
async function findSecretsIn({ key, value, description, valueSchema }: SetConfigInput): Promise<UserErrorData[]> {
  const faults: UserErrorData[] = []
  for (const [subject, part] of Object.entries({ value, description, valueSchema }) as [SecretSubject, Json | undefined][]) {
    if (part === undefined || part === null || findJsonFaults(part, VALUE_LIMITS).length > 0) continue
    const findings = await findSecrets(key, part, subject)
    faults.push(...findings.map(({ path, message }) => userError('LOOKS_SECRET', [subject, ...path], `This ${message}.`)))
  }
  return faults
}

/** What looks like a secret is refused; who could unlock an entry may store it with a reason, where the deployment allows it. */
function findSecretFaults(found: UserErrorData[], input: SetConfigInput, { caller, settings }: CommandContext): UserErrorData[] {
  if (found.length === 0 || !settings.isSecretValueAllowed || !caller.permissions.has(CONFIG_UNLOCK)) return found
  if (input.reason?.trim()) return []
  const message = 'This entry holds what looks like a secret. You may store it all the same: say why, for the change log.'
  return [userError('REQUIRED', ['reason'], message)]
}

/** Faults of an input that holds what looks like a secret: a path or a message could show it, so only the part is named. */
function withoutDetails(faults: readonly UserErrorData[]): UserErrorData[] {
  const vague = faults.map((fault) => {
    const part = fault.code === 'INVALID' ? fault.field?.[0] : undefined
    if (part !== 'value' && part !== 'valueSchema') return fault
    return userError('INVALID', [part], 'This cannot be used; where and why is not said, as it holds what looks like a secret.')
  })
  return [...new Map(vague.map((fault) => [JSON.stringify(fault), fault])).values()]
}

/** The parts of an input that have paths. */
function objectsOf({ value, valueSchema }: SetConfigInput): object[] {
  return [value, valueSchema].filter((part) => typeof part === 'object' && part !== null)
}

/** Values and schemas of inputs in which the scan has found something. Not the inputs: a step of an operation comes as a copy. */
const suspicious = new WeakSet<object>()

/** Makes an entry, or changes what the input names. */
export const setConfig: Command<SetConfigInput, ConfigEntryRecord> = {
  name: 'setConfig',
  isRevertible: true,
  async prepare(input, context) {
    const found = await findSecretsIn(input)
    if (found.length > 0) for (const part of objectsOf(input)) suspicious.add(part)
    return findSecretFaults(found, input, context)
  },
  run(draft, input, { now, newId }) {
    const before = draft.get(configEntryCollection, input.key)
    const faults = [...findFaults(input), ...findStateFaults(input, before)]
    const blank = { id: newId(), key: input.key, value: null, description: null, isMutable: true, valueSchema: null }
    const after = edited(configEntryCollection, { before, blank, given: input, now })
    // Setting what is there already changes nothing, so that a lock is no reason to refuse it.
    if (before && !before.isMutable && after !== before) faults.push(locked())
    if (faults.length === 0 && after.valueSchema !== null) faults.push(...findMisfits(input, after))
    if (faults.length > 0) return refused(...(objectsOf(input).some((part) => suspicious.has(part)) ? withoutDetails(faults) : faults))
    draft.put(configEntryCollection, after)
    return done(after)
  },
}

/** Unlocks an entry; one that is not locked stays as it is. */
export const unlockConfig: Command<UnlockConfigInput, ConfigEntryRecord> = {
  name: 'unlockConfig',
  isRevertible: true,
  run(draft, input, { now }) {
    const before = draft.get(configEntryCollection, input.key)
    const faults: UserErrorData[] = []
    if (!before) faults.push(userError('NOT_FOUND', ['key'], 'There is no entry of this key.'))
    if (!input.reason.trim())
      faults.push(userError('REQUIRED', ['reason'], 'Say why the entry has to be changed after all; it stands in the change log.'))
    if (!before || faults.length > 0) return refused(...faults)
    const after = revise(configEntryCollection, before, { patch: { isMutable: true }, now })
    draft.put(configEntryCollection, after)
    return done(after)
  },
}
