import type { ClientType, Role } from '../../core/contract/caller.js'
import { boolean, editFields, nullable, type RecordOf, text, timestamp } from '../../core/state/collection.js'

/** How clients are stored. */
export const apiClientFields = {
  id: text(),
  /** Unique among the active clients. */
  name: text(),
  clientType: text<ClientType>(),
  role: text<Role>(),
  /** Public part of the key. */
  keyId: text(),
  /** Digest of the whole key, in hex. */
  keyDigest: text(),
  keyPreview: text(),
  /** The key before the last rotation; it works until `previousKeyExpiresAt`. */
  previousKeyId: nullable(text()),
  previousKeyDigest: nullable(text()),
  previousKeyExpiresAt: nullable(timestamp()),
  isActive: boolean(),
  description: nullable(text()),
  /** From this moment on no key of the client works. */
  expiresAt: nullable(timestamp()),
  ...editFields,
}

/** Somebody who may call, with what is kept of the key. Never deleted: a deactivated one keeps its history. */
export type ApiClientRecord = RecordOf<typeof apiClientFields>
