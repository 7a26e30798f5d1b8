/** What others may know of a client: nothing of its key. */
export interface ClientFacts {
  readonly name: string
  readonly isAdmin: boolean
  /** Its key works now. */
  readonly isUsable: boolean
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly lastUsedAt: Date | null
}
