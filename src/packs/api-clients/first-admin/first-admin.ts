import { rm } from 'node:fs/promises'
import type { Caller } from '../../../core/contract/caller.js'
import type { CoreServices } from '../../../core/contract/core-services.js'
import { newId } from '../../../core/platform/ids.js'
import type { Settings } from '../../../core/platform/settings.js'
import { apiClientCollection } from '../api-client.collection.js'
import { type ApiKeyEnvironment, generateApiKey, type ParsedKey, parseApiKey, toStoredKey } from '../keys/api-key.js'
import { verifyKey } from '../keys/verify-key.js'
import { registerFirstAdmin } from './first-admin.commands.js'
import { KeyFileError, keepInFile } from './key-file.js'

/** There can be no first admin. The message is one line for whoever starts the program, and never holds a key. */
export class FirstAdminError extends Error {
  override readonly name = 'FirstAdminError'
}

/** Where a person may be looking; `process.stdout` fits. */
export interface Terminal {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** What the first admin needs of the core. */
export type FirstAdminCore = Pick<CoreServices, 'settings' | 'clock' | 'log' | 'ledger'>

/** A key that is in its owner's hands before it is worth anything. */
interface HandedOver {
  readonly key: ParsedKey
  /** Says where the key is, once it works. */
  announce(): void
  /** Takes it back: it will never work. */
  withdraw(): Promise<void>
}

/** What the environment part of a key that is made here says. */
export function keyEnvironment(settings: Pick<Settings, 'isProduction'>): ApiKeyEnvironment {
  return settings.isProduction ? 'live' : 'test'
}

/** Where a key that was made on the first start is kept when nobody is looking: beside the data directory. */
export function adminKeyFile(settings: Pick<Settings, 'dataDir'>): string {
  return `${settings.dataDir}.admin-key`
}

/**
 * Registers the first admin when there is no client at all, and does nothing otherwise. Its key is that of the settings, or
 * a new one that is shown once (on a terminal) or written to a file of mode 0600.
 *
 * A new key is handed over before its client is registered: whenever the process dies, either there is no client, and the
 * next start takes the key in the file or makes another, or there is one and somebody has its key. Of replicas that start at
 * once one registers its client; the others find that there is one, and take their keys back.
 *
 * @throws FirstAdminError when VALHALLA_ADMIN_KEY is no key (also when it would not be used), or the key cannot be handed over
 */
export async function ensureFirstAdmin(core: FirstAdminCore, system: Caller, terminal: Terminal = process.stdout): Promise<void> {
  const given = keyOfSettings(core.settings)
  if (core.ledger.snapshot.view(apiClientCollection).size > 0) return
  const handedOver = given ? fromSettings(core, given) : await handOver(core, terminal)
  const pepper = core.settings.keyPepper
  const outcome = await core.ledger.commit({
    command: registerFirstAdmin,
    input: toStoredKey(handedOver.key, pepper),
    caller: system,
    correlationId: newId(),
    reason: 'There was no API client.',
  })
  if (outcome.ok) return handedOver.announce()
  // Another replica was first. It may have registered this very key, of the same settings or the same file.
  const { verdict } = verifyKey(core.ledger.snapshot, handedOver.key.text, { now: core.clock.now(), pepper })
  if (verdict === 'NOT_FOUND') await handedOver.withdraw()
}

function keyOfSettings({ adminKey }: Settings): ParsedKey | undefined {
  if (adminKey === undefined) return undefined
  const key = parseApiKey(adminKey)
  if (key) return key
  throw new FirstAdminError(
    'VALHALLA_ADMIN_KEY is not an API key: its format or its checksum is wrong; `npm run --silent admin:key` prints a new one',
  )
}

function fromSettings({ log }: FirstAdminCore, key: ParsedKey): HandedOver {
  return {
    key,
    announce: () => log.info('first admin registered with the key of VALHALLA_ADMIN_KEY'),
    withdraw: async () => log.warn('VALHALLA_ADMIN_KEY was not used: another replica registered the first admin with another key'),
  }
}

function handOver(core: FirstAdminCore, terminal: Terminal): Promise<HandedOver> {
  const keyText = generateApiKey(keyEnvironment(core.settings))
  return terminal.isTTY ? handOverOnTerminal(keyText, terminal) : handOverInFile(core, keyText)
}

async function handOverOnTerminal(keyText: string, terminal: Terminal): Promise<HandedOver> {
  terminal.write(`\nKey of the first admin. It is shown this once and kept nowhere:\n\n  ${keyText}\n\n`)
  return {
    key: parsed(keyText),
    announce: () => terminal.write('The first admin is registered.\n\n'),
    withdraw: async () => void terminal.write('This key is of no use: another replica registered the first admin.\n\n'),
  }
}

async function handOverInFile({ settings, log }: FirstAdminCore, newKeyText: string): Promise<HandedOver> {
  const path = adminKeyFile(settings)
  const { keyText, isNew } = await keepInFile(path, newKeyText).catch((error: unknown) => {
    if (!(error instanceof KeyFileError)) throw error
    throw new FirstAdminError(`the first admin's key cannot be handed over: ${error.message}, or set VALHALLA_ADMIN_KEY`, { cause: error })
  })
  return {
    key: parsed(keyText),
    announce: () => log.warn({ path }, 'first admin registered; its key is in this file: read it, then delete the file'),
    withdraw: async () => {
      if (isNew) await rm(path, { force: true })
    },
  }
}

function parsed(keyText: string): ParsedKey {
  const key = parseApiKey(keyText)
  if (!key) throw new TypeError('a key that was made or read here does not parse')
  return key
}
