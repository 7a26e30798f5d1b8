import { hash } from 'node:crypto'
import type { Caller } from '../core/contract/caller.js'
import type { View } from '../core/state/collection.js'
import type { Snapshot } from '../core/state/snapshot.js'
import { type ApiClientRecord, apiClientCollection, isKeyUsable } from '../packs/api-clients/index.js'

/** Keys that are remembered at most; beyond it all are forgotten, and found out anew. */
const MAX_REMEMBERED = 10_000

/** Who has shown a key that was found to be right, and what has to hold for it to work. */
export interface KeyHolder<C extends Caller> {
  readonly client: ApiClientRecord
  /** With the id of the key. */
  readonly caller: C
}

/**
 * Who the keys are that were shown before. It holds while the clients of the state are the very same object: whatever is done to any
 * client (a revocation, a rotation, a change of role) forgets all of it. That a key works still is compared with the clock each
 * time. Keys are known by their SHA-256 alone, which is no use to anybody: a key has 190 bits that nobody knows.
 */
export class RememberedKeys<C extends Caller & { readonly keyId: string }> {
  #clients: View<ApiClientRecord> | undefined
  readonly #holders = new Map<string, KeyHolder<C>>()

  /** The caller of a key that is remembered and works at `now`. */
  find(snapshot: Snapshot, key: string, now: Date): C | undefined {
    if (this.#clients !== snapshot.view(apiClientCollection)) return undefined
    const holder = this.#holders.get(hash('sha256', key))
    return holder && isKeyUsable(holder.client, holder.caller.keyId, now) ? holder.caller : undefined
  }

  /** Remembers who has shown a key that is right in this state. */
  keep(snapshot: Snapshot, key: string, holder: KeyHolder<C>): void {
    const clients = snapshot.view(apiClientCollection)
    if (this.#clients !== clients || this.#holders.size >= MAX_REMEMBERED) this.#holders.clear()
    this.#clients = clients
    this.#holders.set(hash('sha256', key), holder)
  }
}
