import { expect } from 'vitest'
import { type Command, done } from '../../src/core/state/command.js'
import { type RateLimitRuleRecord, rateLimitRuleCollection } from '../../src/packs/rate-limits/rate-limit-rule.collection.js'
import { run } from './ledger.js'
import type { TestServer } from './server.js'

/** A user error as it is answered. */
export interface Fault {
  readonly code: string
  readonly field: readonly string[] | null
  readonly message: string
}

/** What setRateLimitRule answers. */
export interface SetRulePayload {
  readonly rateLimitRule: (RateLimitRuleRecord & { readonly lastChange: object }) | null
  readonly userErrors: readonly Fault[]
  readonly revision: number | null
}

const SET = `mutation ($input: SetRateLimitRuleInput!) {
  setRateLimitRule(input: $input) {
    rateLimitRule { id scope key windowSeconds maxRequests isEnabled isShadow description version lastChange { operation reason actor { name } } }
    userErrors { code field message } revision
  }
}`

/** Code and place of each fault, in short. */
export const faultsOf = ({ userErrors }: { readonly userErrors: readonly Fault[] }): (string | null)[][] =>
  userErrors.map(({ code, field }) => [code, field?.join('.') ?? null])

/** Keeps the rules of a server, as its admin. */
export class RuleKeeper {
  readonly #server: TestServer

  constructor(server: TestServer) {
    this.#server = server
  }

  /** The first root field of an answer without errors. */
  async call<T>(query: string, variables: object): Promise<T> {
    const { data, errors } = await this.#server.gql(query, { ...variables })
    expect(errors).toBe(undefined)
    const payload: unknown = Object.values(data ?? {})[0]
    return payload as T
  }

  set(input: object): Promise<SetRulePayload> {
    return this.call(SET, { input })
  }

  /** Puts just these rules straight into the state. */
  async replace(rules: readonly RateLimitRuleRecord[]): Promise<void> {
    const command: Command<object, null> = {
      name: 'replaceRules',
      isRevertible: false,
      run(draft) {
        for (const { id } of [...draft.view(rateLimitRuleCollection).values()]) draft.delete(rateLimitRuleCollection, id)
        for (const rule of rules) draft.put(rateLimitRuleCollection, rule)
        return done(null)
      },
    }
    await run(this.#server.services.ledger, command, {})
  }
}
