import type { IncomingMessage } from 'node:http'
import type { UsageMarks } from '../core/background/usage.js'
import type { Caller, PermissionsByRole } from '../core/contract/caller.js'
import { AppError } from '../core/contract/errors.js'
import type { Ledger } from '../core/ledger/ledger.js'
import type { Clock } from '../core/platform/clock.js'
import type { Settings } from '../core/platform/settings.js'
import { findUsableClient, type SessionKeys, verifyKey } from '../packs/api-clients/index.js'
import type { EphemeralKeys } from './ephemeral-keys.js'
import { inSession, isSessionOver } from './sessions.js'

/** Somebody without a key, where that is allowed at all (introspection in development); every root field refuses it. */
export const ANONYMOUS: Caller = Object.freeze({
  id: 'anonymous',
  name: 'anonymous',
  clientType: null,
  role: null,
  permissions: new Set<string>(),
})

/** Whether a caller has shown no key. */
export function isAnonymous(caller: Caller): boolean {
  return caller.id === ANONYMOUS.id
}

/** Where a call may carry its key; anything but a text that is a working key is refused. */
export interface Credentials {
  /** The Authorization header (RFC 9110), or the same in a subscription's connection_init: `Bearer <key>` (RFC 6750). */
  readonly authorization?: unknown
  /** The X-API-Key header, or the same in connection_init: the key alone. */
  readonly apiKey?: unknown
}

/**
 * What a request's headers carry. Headers that were sent twice with different values are a list, which is refused: Node itself
 * keeps the first of them, a proxy may have looked at the second.
 */
export function credentialsOf({ headersDistinct }: Pick<IncomingMessage, 'headersDistinct'>): Credentials {
  return { authorization: oneOf(headersDistinct['authorization']), apiKey: oneOf(headersDistinct['x-api-key']) }
}

function oneOf(values: readonly string[] = []): string | readonly string[] | undefined {
  const different = [...new Set(values)]
  return different.length > 1 ? different : different[0]
}

/** Finds out who calls. */
export interface Authenticator {
  /**
   * The caller of a key; throws AppError UNAUTHENTICATED, in the same words whatever is wrong with a key, or RATE_LIMITED
   * when too many calls from `remoteAddress` have failed.
   */
  authenticate(credentials: Credentials, remoteAddress?: string): Caller
  /** Whether the key that this caller came with works still: for connections that outlive one request. */
  isStillValid(caller: Caller): boolean
}

/** What an authenticator is made of. */
export interface AuthenticatorOptions {
  readonly ledger: Pick<Ledger, 'snapshot'>
  readonly clock: Clock
  readonly settings: Pick<Settings, 'keyPepper'>
  readonly usage: Pick<UsageMarks, 'touch'>
  readonly permissions: PermissionsByRole
  /** Keys that this process has issued to itself. */
  readonly ephemeralKeys?: EphemeralKeys
  /** Keys that clients have opened for a while. */
  readonly sessions?: SessionKeys
}

/** A caller with the id of the key that it came with. */
interface KeyCaller extends Caller {
  readonly keyId: string
}

const HOW = 'Send it as `Authorization: Bearer <key>` or as `X-API-Key: <key>`.'

/**
 * An authenticator over the newest snapshot: what a commit changes counts for the next call. A call costs one checksum, one
 * digest and one look-up (3 to 8 microseconds), so nothing is cached, and no key outlives its request in memory.
 */
export function createAuthenticator({
  ledger,
  clock,
  settings,
  usage,
  permissions,
  ephemeralKeys,
  sessions,
}: AuthenticatorOptions): Authenticator {
  return {
    authenticate(credentials) {
      const key = keyIn(credentials)
      const holder = ephemeralKeys?.find(key)
      if (holder) return holder
      const { snapshot } = ledger
      const now = clock.now()
      const session = sessions?.check(snapshot, key, now)
      const check = session ?? verifyKey(snapshot, key, { now, pepper: settings.keyPepper })
      if (check.verdict !== 'VALID') throw refusal(`The API key is not valid. ${HOW}`, check.verdict)
      const { id, name, clientType, role } = check.client
      usage.touch('client', id)
      const caller: KeyCaller = { id, name, clientType, role, permissions: permissions[role], keyId: check.keyId }
      return session ? inSession(caller, session.sessionEndsAt) : caller
    },
    isStillValid(caller) {
      if (!hasKey(caller)) return ephemeralKeys?.isHeldBy(caller) ?? false
      const client = findUsableClient(ledger.snapshot, caller.keyId, clock.now())
      return client?.id === caller.id && client.role === caller.role && !isSessionOver(caller, clock.now())
    },
  }
}

/** The one key that a call carries. */
function keyIn({ authorization, apiKey }: Credentials): string {
  if (isSeveral(authorization)) throw refusal('Two different `Authorization` headers were sent; send one.')
  if (isSeveral(apiKey)) throw refusal('Two different `X-API-Key` headers were sent; send one.')
  if (isBareKey(authorization)) throw refusal(`The scheme is missing in front of the key. ${HOW}`, 'without a scheme')
  const keys = new Set<string>()
  if (isGiven(authorization)) keys.add(bearerToken(authorization))
  if (isGiven(apiKey)) keys.add(typeof apiKey === 'string' ? apiKey.trim() : '')
  const [key, ...others] = keys
  if (key === undefined) throw refusal(`An API key is needed. ${HOW}`)
  if (others.length > 0) throw refusal('Two different API keys were sent; send one.')
  return key
}

function isSeveral(credential: unknown): boolean {
  return Array.isArray(credential) && credential.length > 1
}

/** Whether an Authorization header is a key and nothing else, whether it works or not. */
function isBareKey(authorization: unknown): boolean {
  return typeof authorization === 'string' && authorization.trim().startsWith('vk_')
}

function isGiven(credential: unknown): boolean {
  return credential !== undefined && credential !== null && credential !== ''
}

/** The token of a bearer credential; the scheme's case does not matter (RFC 9110, 11.1). Empty for any other scheme. */
function bearerToken(authorization: unknown): string {
  const [, token] = typeof authorization === 'string' ? (/^bearer +(\S+) *$/i.exec(authorization.trim()) ?? []) : []
  return token ?? ''
}

/** The verdict goes to the log, never to the caller. */
function refusal(message: string, verdict?: string): AppError {
  return new AppError('UNAUTHENTICATED', message, verdict === undefined ? {} : { cause: new Error(`the key's verdict is ${verdict}`) })
}

function hasKey(caller: Caller): caller is KeyCaller {
  return 'keyId' in caller && typeof caller.keyId === 'string'
}
