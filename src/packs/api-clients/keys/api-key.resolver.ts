import { Arg, Ctx, Mutation, Resolver } from 'type-graphql'
import type { CoreServices } from '../../../core/contract/core-services.js'
import { Operation } from '../../../core/contract/operation.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { type PayloadBase, type Submitted, submit, toPayload } from '../../../core/graphql/payload.js'
import { apiClientCollection, CLIENTS_WRITE, KEYS_VERIFY } from '../api-client.collection.js'
import { OpenSessionInput, RegisterApiClientInput, RotateApiKeyInput, VerifyApiKeyInput } from '../api-client.inputs.js'
import { OpenSessionPayload, RegisterApiClientPayload, RotateApiKeyPayload, VerifyApiKeyPayload } from '../api-client.types.js'
import { keyEnvironment } from '../first-admin/first-admin.js'
import { createApiKey, type StoredKey } from './api-key.js'
import { createRegisterApiClient, createRotateApiKey } from './client-key.commands.js'
import { MAX_SESSION_HOURS, openSession } from './open-session.js'
import { verifyApiKey } from './verify-api-key.js'

/** A payload with the one sight of a new key. */
type KeyPayload = PayloadBase & { readonly apiKey: string | null }

/** Writing clients. A key that is made here lives in one call: its command is built around its digest. */
@Resolver()
export class ApiClientMutationsResolver {
  @Mutation(() => RegisterApiClientPayload, { description: 'Registers an API client and hands over its key, once.' })
  @Operation({ permission: CLIENTS_WRITE, writes: true })
  async registerApiClient(
    @Ctx() context: RequestContext,
    @Arg('input', () => RegisterApiClientInput, { description: 'Who it is, and what it may do.' }) input: RegisterApiClientInput,
  ): Promise<KeyPayload> {
    const { keyText, stored } = newKey(context.core)
    const submitted = await submit(context, { command: createRegisterApiClient(stored), input })
    const payload = toPayload('apiClient', submitted, (id) => context.snapshot.view(apiClientCollection).get(id) ?? null)
    return { ...payload, apiKey: shownKey(keyText, submitted) }
  }

  @Mutation(() => RotateApiKeyPayload, { description: 'Replaces the key of a client and hands over the new one, once.' })
  @Operation({ permission: CLIENTS_WRITE, writes: true, allowedDuring: 'always' })
  async rotateApiKey(
    @Ctx() context: RequestContext,
    @Arg('input', () => RotateApiKeyInput, { description: 'Which client, and how long its key goes on working.' }) input: RotateApiKeyInput,
  ): Promise<KeyPayload> {
    const { keyText, stored } = newKey(context.core)
    const submitted = await submit(context, { command: createRotateApiKey(stored), input })
    return { ...toPayload('apiClient', submitted), apiKey: shownKey(keyText, submitted) }
  }

  @Mutation(() => OpenSessionPayload, {
    description:
      'Opens a session of your own role, so that a browser need not keep your key. It ends by itself, and with the key that you call with; it opens no further one. Changes nothing; each call is audited. Without VALHALLA_KEY_PEPPER it works on this replica alone, until that stops.',
  })
  @Operation({ permission: null, allowedDuring: 'always' })
  openSession(
    @Ctx() context: RequestContext,
    @Arg('input', () => OpenSessionInput, { nullable: true, description: 'How long; left out: 12 hours.' }) input?: OpenSessionInput | null,
  ): OpenSessionPayload {
    const { core, caller, remoteAddress, requestId } = context
    const payload = openSession(context, input?.hours ?? MAX_SESSION_HOURS)
    const outcome = payload.apiKey === null ? ({ outcome: 'FAILED', code: 'INVALID' } as const) : ({ outcome: 'SUCCEEDED' } as const)
    const endsAt = payload.expiresAt?.toISOString() ?? null
    core.audit.record({ operation: 'openSession', ...outcome, caller, remoteAddress, detail: { requestId, endsAt } })
    return payload
  }

  @Mutation(() => VerifyApiKeyPayload, {
    description:
      'Tells another service whether a key that it was shown works, and whether it may do something. The key of a session is none: it is for this control plane alone. Changes nothing; each call is audited.',
  })
  @Operation({ permission: KEYS_VERIFY, allowedDuring: 'always' })
  async verifyApiKey(
    @Ctx() context: RequestContext,
    @Arg('input', () => VerifyApiKeyInput, { description: 'The key, and what it is wanted for.' }) input: VerifyApiKeyInput,
  ): Promise<VerifyApiKeyPayload> {
    const { core } = context
    const verification = await verifyApiKey(core, input)
    if (verification.verdict === 'VALID' && verification.apiClient) core.usage.touch('client', verification.apiClient.id)
    auditVerification(context, input, verification)
    return verification
  }
}

function newKey({ settings }: CoreServices): { readonly keyText: string; readonly stored: StoredKey } {
  return createApiKey(keyEnvironment(settings), settings.keyPepper)
}

function auditVerification(
  { core, caller, remoteAddress, requestId }: RequestContext,
  { permission }: VerifyApiKeyInput,
  { verdict, apiClient, userErrors }: VerifyApiKeyPayload,
): void {
  const isRefused = userErrors.length > 0
  core.audit.record({
    operation: 'verifyApiKey',
    outcome: isRefused ? 'FAILED' : 'SUCCEEDED',
    code: isRefused ? 'INVALID' : verdict,
    caller,
    remoteAddress,
    // A permission that does not exist is any text that a client has sent.
    detail: { requestId, verifiedClientId: apiClient?.id ?? null, permission: isRefused ? null : (permission ?? null) },
  })
}

/** The new key, if the client has it now: not when the call was refused, nor when an earlier call has made the client. */
function shownKey(keyText: string, { value, isReplay }: Submitted<unknown>): string | null {
  return value === null || isReplay ? null : keyText
}
