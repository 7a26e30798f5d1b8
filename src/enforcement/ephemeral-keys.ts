import { hash } from 'node:crypto'
import type { Caller } from '../core/contract/caller.js'
import type { EphemeralKey } from '../core/contract/running-service.js'
import { randomBase62 } from '../core/platform/random.js'

/**
 * Keys of this process for its own work, in memory only. They look like API keys without a checksum: whatever hides or
 * refuses API keys (the log, inputs of commands) does the same with them, and none can ever be a client's.
 */
export class EphemeralKeys {
  /** By SHA-256 of the key: the keys themselves are with whoever uses them. */
  readonly #holders = new Map<string, Caller>()

  /** A key that works until it is revoked. */
  issue(holder: Caller): EphemeralKey {
    const text = `vk_test_${randomBase62(12)}_${randomBase62(32)}`
    const digest = digestOf(text)
    this.#holders.set(digest, Object.freeze({ ...holder }))
    return { text, revoke: () => void this.#holders.delete(digest) }
  }

  /** Who holds a key; undefined for any other text. */
  find(text: string): Caller | undefined {
    return this.#holders.size === 0 ? undefined : this.#holders.get(digestOf(text))
  }

  /** Whether a caller that {@link find} has handed out still holds its key. */
  isHeldBy(caller: Caller): boolean {
    for (const holder of this.#holders.values()) if (holder === caller) return true
    return false
  }
}

function digestOf(text: string): string {
  return hash('sha256', text)
}
