import { ANY_SUBJECT, RATE_LIMIT_SCOPES, type RateLimitScope, type RateLimitSubjects, userSubject } from '../../core/contract/limiter.js'
import type { View } from '../../core/state/collection.js'
import { ipSubject } from '../../core/values/ip-subject.js'
import type { RateLimitRuleRecord } from '../../packs/rate-limits/index.js'
import type { CounterCall } from './counters/counters.js'
import type { WindowLimit } from './counters/sliding-window.js'

/** A rule in the form in which it is applied. */
export interface CompiledRule extends WindowLimit {
  readonly id: string
  readonly scope: RateLimitScope
  /** Name of the policy in headers. */
  readonly name: string
  readonly counterId: string
  readonly isShadow: boolean
}

/** A rule that applies to a call, and the counter that it is counted in. */
export interface AppliedRule extends CounterCall {
  readonly rule: CompiledRule
}

/** The rules of one scope, either those in force or the shadows. */
interface RuleSet {
  readonly exact: Map<string, CompiledRule>
  any: CompiledRule | undefined
}

/** Addresses that cannot be read (the client is gone already) share a subject. */
const UNKNOWN_ADDRESS = 'unknown'
const MS = 1_000

/**
 * The enabled rules of a state, ready to be looked up. For each scope a rule on the very subject replaces the one on "*".
 * A shadow rule takes no rule's place that is in force, so that trying one out never opens or closes anything; it reports
 * what would happen if it were in force: one on "*" leaves out the subjects that have an exact rule.
 */
export class RuleBook {
  readonly #scopes = new Map<RateLimitScope, Readonly<Record<'enforced' | 'shadow', RuleSet>>>()

  constructor(rules: Iterable<RateLimitRuleRecord>) {
    for (const rule of rules) if (rule.isEnabled) this.#add(rule)
  }

  /** Whether no rule is enabled. */
  get isEmpty(): boolean {
    return this.#scopes.size === 0
  }

  /** The rules that apply to a call of these subjects. */
  rulesFor({ ip, clientId, user }: RateLimitSubjects): AppliedRule[] {
    const applied: AppliedRule[] = []
    for (const scope of this.#scopes.keys()) {
      switch (scope) {
        case 'IP':
          this.#collect(applied, scope, ipSubject(ip) ?? UNKNOWN_ADDRESS)
          break
        case 'USER':
          if (clientId !== null && user !== null) this.#collect(applied, scope, userSubject(clientId, user))
          break
        case 'API_KEY':
          if (clientId !== null) this.#collect(applied, scope, clientId)
          break
        case 'GLOBAL':
          this.#collect(applied, scope, ANY_SUBJECT)
          break
        default:
          scope satisfies never
      }
    }
    return applied
  }

  /** The rules that apply to one subject of a scope. */
  rulesOf(scope: RateLimitScope, subject: string): AppliedRule[] {
    const applied: AppliedRule[] = []
    this.#collect(applied, scope, subject)
    return applied
  }

  #collect(applied: AppliedRule[], scope: RateLimitScope, subject: string): void {
    const rules = this.#scopes.get(scope)
    if (!rules) return
    const exact = rules.enforced.exact.get(subject)
    const enforced = exact ?? rules.enforced.any
    const shadow = rules.shadow.exact.get(subject) ?? (exact ? undefined : rules.shadow.any)
    for (const rule of [enforced, shadow]) {
      if (!rule) continue
      const { counterId, windowMs, max, isShadow } = rule
      applied.push({ rule, subject, counterId, windowMs, max, isShadow })
    }
  }

  #add({ id, scope, key, windowSeconds, maxRequests, isShadow }: RateLimitRuleRecord): void {
    const rules = this.#scopes.get(scope) ?? { enforced: emptySet(), shadow: emptySet() }
    this.#scopes.set(scope, rules)
    const set = isShadow ? rules.shadow : rules.enforced
    const rule: CompiledRule = {
      id,
      scope,
      name: scope.toLowerCase().replaceAll('_', '-'),
      counterId: `${id}:${windowSeconds}`,
      windowMs: windowSeconds * MS,
      max: maxRequests,
      isShadow,
    }
    if (key === ANY_SUBJECT) set.any = rule
    else set.exact.set(key, rule)
  }
}

function emptySet(): RuleSet {
  return { exact: new Map(), any: undefined }
}

/** Finds the rule book of a view: compiled once for each state of the rules, since a view stays the same until they change. */
export function createRuleBooks(): (view: View<RateLimitRuleRecord>) => RuleBook {
  const books = new WeakMap<View<RateLimitRuleRecord>, RuleBook>()
  let newest: { readonly view: View<RateLimitRuleRecord>; readonly book: RuleBook } | undefined
  return (view) => {
    if (newest?.view === view) return newest.book
    const book = books.get(view) ?? new RuleBook(view.values())
    books.set(view, book)
    newest = { view, book }
    return book
  }
}

/** A number of 0 for each scope. */
export function zeroByScope(): Record<RateLimitScope, number> {
  return Object.fromEntries(RATE_LIMIT_SCOPES.map((scope) => [scope, 0])) as Record<RateLimitScope, number>
}
