import { Arg, Ctx, Mutation, Resolver } from 'type-graphql'
import type { CoreServices } from '../../core/contract/core-services.js'
import { Operation } from '../../core/contract/operation.js'
import type { RequestContext } from '../../core/graphql/context.js'
import { type PayloadBase, toPayload } from '../../core/graphql/payload.js'
import { type Submitted, submit } from '../../core/graphql/submit.js'
import { apiClientCollection } from './api-client.collection.js'
import {
  ActivateApiClientInput,
  DeactivateApiClientInput,
  RegisterApiClientInput,
  RotateApiKeyInput,
  VerifyApiKeyInput,
} from './api-client.inputs.js'
import {
  ActivateApiClientPayload,
  DeactivateApiClientPayload,
  RegisterApiClientPayload,
  RotateApiKeyPayload,
  VerifyApiKeyPayload,
} from './api-client.types.js'
import { activateApiClient, deactivateApiClient } from './client-status.commands.js'
import { keyEnvironment } from './first-admin/first-admin.js'
import { createApiKey, type StoredKey } from './keys/api-key.js'
import { createRegisterApiClient, createRotateApiKey } from './keys/client-key.commands.js'
import { type Verification, verifyApiKey } from './keys/verify-api-key.js'

/** To register, activate, deactivate clients and replace their keys. */
export const CLIENTS_WRITE = 'clients:write'
/** To ask about keys that others have shown. */
export const KEYS_VERIFY = 'keys:verify'

/** A payload with the one sight of a new key. */
type KeyPayload = PayloadBase & { readonly apiKey: string | null }

/** Writing clients. A key that is made here lives in one call: its command is built around its digest. */
@Resolver()
export class ApiClientMutationsResolver {
  readonly #core: CoreServices

  constructor(core: CoreServices) {
    this.#core = core
  }

  @Mutation(() => RegisterApiClientPayload, { description: 'Registers an API client and hands over its key, once.' })
  @Operation({ permission: CLIENTS_WRITE, writes: true })
  async registerApiClient(
    @Ctx() context: RequestContext,
    @Arg('input', () => RegisterApiClientInput, { description: 'Who it is, and what it may do.' }) input: RegisterApiClientInput,
  ): Promise<KeyPayload> {
    const { keyText, stored } = this.#newKey()
    const submitted = await submit(this.#core.ledger, context, { command: createRegisterApiClient(stored), input })
    const payload = toPayload('apiClient', submitted, (id) => context.snapshot.view(apiClientCollection).get(id) ?? null)
    return { ...payload, apiKey: shownKey(keyText, submitted) }
  }

  @Mutation(() => RotateApiKeyPayload, { description: 'Replaces the key of a client and hands over the new one, once.' })
  @Operation({ permission: CLIENTS_WRITE, writes: true, allowedDuring: 'always' })
  async rotateApiKey(
    @Ctx() context: RequestContext,
    @Arg('input', () => RotateApiKeyInput, { description: 'Which client, and how long its key goes on working.' }) input: RotateApiKeyInput,
  ): Promise<KeyPayload> {
    const { keyText, stored } = this.#newKey()
    const submitted = await submit(this.#core.ledger, context, { command: createRotateApiKey(stored), input })
    return { ...toPayload('apiClient', submitted), apiKey: shownKey(keyText, submitted) }
  }

  @Mutation(() => ActivateApiClientPayload, { description: 'Lets a deactivated client in again, with the key that it had.' })
  @Operation({ permission: CLIENTS_WRITE, writes: true })
  async activateApiClient(
    @Ctx() context: RequestContext,
    @Arg('input', () => ActivateApiClientInput, { description: 'Which client.' }) input: ActivateApiClientInput,
  ): Promise<PayloadBase> {
    return toPayload('apiClient', await submit(this.#core.ledger, context, { command: activateApiClient, input }))
  }

  @Mutation(() => DeactivateApiClientPayload, {
    description: 'Refuses the key of a client, within a second on every replica, and closes its subscriptions. The last ADMIN stays.',
  })
  @Operation({ permission: CLIENTS_WRITE, writes: true, allowedDuring: 'always' })
  async deactivateApiClient(
    @Ctx() context: RequestContext,
    @Arg('input', () => DeactivateApiClientInput, { description: 'Which client.' }) input: DeactivateApiClientInput,
  ): Promise<PayloadBase> {
    return toPayload('apiClient', await submit(this.#core.ledger, context, { command: deactivateApiClient, input }))
  }

  @Mutation(() => VerifyApiKeyPayload, {
    description:
      'Tells another service whether a key that it was shown works, and whether it may do something. Changes nothing; each call is audited.',
  })
  @Operation({ permission: KEYS_VERIFY, allowedDuring: 'always' })
  async verifyApiKey(
    @Ctx() context: RequestContext,
    @Arg('input', () => VerifyApiKeyInput, { description: 'The key, and what it is wanted for.' }) input: VerifyApiKeyInput,
  ): Promise<Verification> {
    const verification = await verifyApiKey(this.#core, input)
    if (verification.verdict === 'VALID' && verification.apiClient) this.#core.usage.touch('client', verification.apiClient.id)
    this.#audit(context, input, verification)
    return verification
  }

  #newKey(): { readonly keyText: string; readonly stored: StoredKey } {
    const { settings } = this.#core
    return createApiKey(keyEnvironment(settings), settings.keyPepper)
  }

  #audit(
    { caller, remoteAddress, requestId }: RequestContext,
    { permission }: VerifyApiKeyInput,
    { verdict, apiClient, userErrors }: Verification,
  ): void {
    const isRefused = userErrors.length > 0
    this.#core.audit.record({
      operation: 'verifyApiKey',
      outcome: isRefused ? 'FAILED' : 'SUCCEEDED',
      code: isRefused ? 'INVALID' : verdict,
      caller,
      remoteAddress,
      // A permission that does not exist is any text that a client has sent.
      detail: { requestId, verifiedClientId: apiClient?.id ?? null, permission: isRefused ? null : (permission ?? null) },
    })
  }
}

/** The new key, if the client has it now: not when the call was refused, nor when an earlier call has made the client. */
function shownKey(keyText: string, { value, isReplay }: Submitted<unknown>): string | null {
  return value === null || isReplay ? null : keyText
}
