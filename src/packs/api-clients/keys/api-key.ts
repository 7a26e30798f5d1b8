import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { BASE62, randomBase62 } from '../../../core/platform/random.js'

/** What the key was made for. It is a label for people and scanners: nothing is decided by it. */
export type ApiKeyEnvironment = 'live' | 'test'

/** Characters of the public part that a key is looked up by: 71 bits. */
const ID_LENGTH = 12
/** Characters of the secret part: 190 bits. */
const SECRET_LENGTH = 32
/** Enough base62 digits for any CRC-32, and for any second until the year 3769. */
const CHECKSUM_LENGTH = 6
/** Characters of the id that a preview shows. */
const PREVIEW_LENGTH = 4

const PATTERN = /^vk_(live|test)_([0-9A-Za-z]{12})_[0-9A-Za-z]{32}_([0-9A-Za-z]{6})$/

/** A key whose format and checksum are right; whether anybody has it is another question. */
export interface ParsedKey {
  readonly env: ApiKeyEnvironment
  /** The public part, to look the client up by. */
  readonly id: string
  /** The whole key: as secret as a password. */
  readonly text: string
}

/** What is kept of a key: nothing from which it could be made again. */
export interface StoredKey {
  readonly keyId: string
  readonly keyDigest: string
  readonly keyPreview: string
}

/**
 * A new key: `vk_<env>_<id>_<secret>_<checksum>`. Id (12) and secret (32) are random base62 characters; the checksum is
 * the CRC-32 (IEEE 802.3) of everything before the last underscore as six base62 digits, so that a mistyped key is told from
 * a wrong one without a look-up, and scanners for leaked keys find few false ones.
 */
export function generateApiKey(env: ApiKeyEnvironment): string {
  const body = `vk_${env}_${randomBase62(ID_LENGTH)}_${randomBase62(SECRET_LENGTH)}`
  return `${body}_${checksumOf(body)}`
}

/** A new key, and what to keep of it. */
export function createApiKey(env: ApiKeyEnvironment, pepper: string | undefined): { readonly keyText: string; readonly stored: StoredKey } {
  const key = parseApiKey(generateApiKey(env))
  if (!key) throw new TypeError('a key that was made here does not parse')
  return { keyText: key.text, stored: toStoredKey(key, pepper) }
}

/** The parts of a key; undefined when the format or the checksum is wrong. */
export function parseApiKey(text: string): ParsedKey | undefined {
  const [, env, id, checksum] = PATTERN.exec(text) ?? []
  if (env === undefined || id === undefined) return undefined
  if (checksumOf(text.slice(0, -CHECKSUM_LENGTH - 1)) !== checksum) return undefined
  return { env: env as ApiKeyEnvironment, id, text }
}

/** The digest of a whole key, in hex: HMAC-SHA-256 (RFC 2104) with the pepper, or SHA-256 when there is none. */
export function digestSecret(keyText: string, pepper: string | undefined): string {
  // A fast hash is right here: unlike a password, the secret has more entropy than anybody can search through.
  const hash = pepper === undefined ? createHash('sha256') : createHmac('sha256', pepper)
  return hash.update(keyText).digest('hex')
}

/** Whether two digests in hex are the same; takes as long for one that differs early as for one that differs late. */
export function isSameDigest(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a, 'hex'), Buffer.from(b, 'hex')]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** What a person may see of a key: `vk_live_<first 4 of the id>…`. */
export function previewOf({ env, id }: ParsedKey): string {
  return `vk_${env}_${id.slice(0, PREVIEW_LENGTH)}…`
}

/** What to keep of a key. */
export function toStoredKey(key: ParsedKey, pepper: string | undefined): StoredKey {
  return { keyId: key.id, keyDigest: digestSecret(key.text, pepper), keyPreview: previewOf(key) }
}

/** What a key ends with: the CRC-32 (IEEE 802.3) of everything before it. */
export function checksumOf(body: string): string {
  return toDigits(crc32(body))
}

/** A whole number below 62^6 as six base62 digits. */
export function toDigits(number: number): string {
  let rest = number
  let digits = ''
  for (let place = 0; place < CHECKSUM_LENGTH; place += 1) {
    digits = `${BASE62[rest % BASE62.length]}${digits}`
    rest = Math.floor(rest / BASE62.length)
  }
  return digits
}

/** The number that {@link toDigits} has written. */
export function numberOf(digits: string): number {
  return [...digits].reduce((number, digit) => number * BASE62.length + BASE62.indexOf(digit), 0)
}
