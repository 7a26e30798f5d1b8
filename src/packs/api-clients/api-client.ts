import type { ClientType, Role } from '../../core/contract/caller.js'

/** Somebody who may call, with what is kept of the key. Never deleted: a deactivated one keeps its history. */
export interface ApiClient {
  readonly id: string
  /** Unique among the active clients. */
  readonly name: string
  readonly clientType: ClientType
  readonly role: Role
  /** Public part of the key. */
  readonly keyId: string
  /** Digest of the whole key, in hex. */
  readonly keyDigest: string
  readonly keyPreview: string
  /** The key before the last rotation; it works until `previousKeyExpiresAt`. */
  readonly previousKeyId: string | null
  readonly previousKeyDigest: string | null
  readonly previousKeyExpiresAt: Date | null
  readonly isActive: boolean
  readonly description: string | null
  /** From this moment on no key of the client works. */
  readonly expiresAt: Date | null
  readonly version: number
  readonly createdAt: Date
  readonly updatedAt: Date
}
