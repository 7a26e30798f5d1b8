import { createHmac } from 'node:crypto'
import type { CoreServices } from '../../../core/contract/core-services.js'
import { randomBase62 } from '../../../core/platform/random.js'
import type { Snapshot } from '../../../core/state/snapshot.js'
import { apiClientCollection } from '../api-client.collection.js'
import type { ApiClientRecord } from '../api-client.js'
import { type ApiKeyEnvironment, checksumOf, digestSecret, isSameDigest, numberOf, toDigits } from './api-key.js'
import { type KeyCheck, NO_DIGEST, statusOf } from './verify-key.js'

/** Characters of a session's key: one that is shorter or longer is none, and is not looked at further. */
const LENGTH = 'vk_live_'.length + 12 + 1 + 32 + 2 + 6 + 6
/** Hexadecimal digits of a signature: 128 bits (RFC 2104, section 5, allows no less than half of the hash). */
const SIGNATURE_LENGTH = 32
const PATTERN = /^vk_(live|test)_([0-9A-Za-z]{12})_([0-9a-f]{32})_s([0-9A-Za-z]{6})([0-9A-Za-z]{6})$/

/** What a session is opened with: a client, and the key of it that was shown. */
export interface SessionOwner {
  readonly client: ApiClientRecord
  readonly keyId: string
}

/** What a check of a session's key found. */
export type SessionCheck = KeyCheck & { readonly sessionEndsAt: Date }

/**
 * Keys of sessions: `vk_<env>_<id>_<signature>_s<end><checksum>`, with the id of the client's key that it was opened with, the end in
 * whole seconds since 1970 (six base62 digits) and the checksum of API keys. They are kept nowhere: the signature is an HMAC-SHA-256
 * under a key that only who has both the pepper and the stored digest of the client's key can make. So a session ends with that key,
 * with its client and with the pepper, and every replica knows it. Without a pepper a secret of this process stands in for it: the
 * database alone must not be enough to make a session.
 */
export class SessionKeys {
  readonly #secret: string

  constructor(pepper: string | undefined) {
    this.#secret = pepper ?? randomBase62(SIGNATURE_LENGTH)
  }

  /** The key of a session that works until `endsAt`, which is rounded down to a second. */
  open({ client, keyId }: SessionOwner, env: ApiKeyEnvironment, endsAt: Date): string {
    const end = toDigits(Math.floor(endsAt.getTime() / 1000))
    const signature = this.#sign(digestOf(client, keyId), `${env}_${keyId}_${end}`)
    const body = `vk_${env}_${keyId}_${signature}_s${end}`
    return `${body}${checksumOf(body)}`
  }

  /** What there is to a key; undefined when it is not shaped like that of a session. Costs the same whether its id is known or not. */
  check(snapshot: Snapshot, text: string, now: Date): SessionCheck | undefined {
    if (text.length !== LENGTH) return undefined
    const [, env, keyId, signature, end, checksum] = PATTERN.exec(text) ?? []
    if (keyId === undefined || signature === undefined || end === undefined) return undefined
    if (checksumOf(text.slice(0, -6)) !== checksum) return undefined
    const sessionEndsAt = new Date(numberOf(end) * 1000)
    const client = snapshot.view(apiClientCollection).find('keyId', keyId)
    const expected = this.#sign(client ? digestOf(client, keyId) : NO_DIGEST, `${env}_${keyId}_${end}`)
    if (!isSameDigest(signature, expected) || !client) return { verdict: 'NOT_FOUND', sessionEndsAt }
    const verdict = statusOf(client, keyId, now)
    return { verdict: verdict === 'VALID' && sessionEndsAt <= now ? 'EXPIRED' : verdict, client, keyId, sessionEndsAt }
  }

  #sign(keyDigest: string, body: string): string {
    const key = digestSecret(`session ${keyDigest}`, this.#secret)
    return createHmac('sha256', key).update(body).digest('hex').slice(0, SIGNATURE_LENGTH)
  }
}

function digestOf(client: ApiClientRecord, keyId: string): string {
  return (client.keyId === keyId ? client.keyDigest : client.previousKeyDigest) ?? NO_DIGEST
}

/** The sessions of a server. */
export const sessionKeys = ({ settings }: CoreServices): SessionKeys => new SessionKeys(settings.keyPepper)
