import { SYSTEM_CALLER } from '../../../core/contract/caller.js'
import type { Ledger } from '../../../core/ledger/ledger.js'
import { newId } from '../../../core/platform/ids.js'
import type { Settings } from '../../../core/platform/settings.js'
import type { ApiClientRecord } from '../api-client.js'
import { createApiKey } from '../keys/api-key.js'
import { resetAdminAccess } from './first-admin.commands.js'
import { keyEnvironment } from './first-admin.js'

/** What the change log says when no other reason is given. */
const DEFAULT_RESET_REASON = 'Lost access, replaced on the host by admin:reset.'

/** What {@link resetAdmin} needs. */
export interface AdminResetOptions {
  readonly ledger: Pick<Ledger, 'commit'>
  readonly settings: Pick<Settings, 'isProduction' | 'keyPepper'>
  readonly reason?: string
}

/**
 * Registers one more admin client, and answers with its key: the only time that it can be had. The clients that are there
 * stay as they are. The change log names it, as done by the system.
 *
 * @throws AppError UNAVAILABLE when the write was not confirmed: run it again, and deactivate the client that may have landed
 * @throws Error when the command was refused (a reason that is too long)
 */
export async function resetAdmin(options: AdminResetOptions): Promise<{ readonly client: ApiClientRecord; readonly keyText: string }> {
  const { ledger, settings, reason } = options
  const { keyText, stored } = createApiKey(keyEnvironment(settings), settings.keyPepper)
  const outcome = await ledger.commit({
    command: resetAdminAccess,
    input: stored,
    caller: SYSTEM_CALLER,
    correlationId: newId(),
    reason: reason ?? DEFAULT_RESET_REASON,
  })
  if (!outcome.ok) throw new Error(outcome.userErrors.map(({ message }) => message).join(' '))
  return { client: outcome.value, keyText }
}
