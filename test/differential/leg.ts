import type { HandClock } from '../testkit/hand-clock.js'
import { burst } from './burst.js'
import { type Case, caseOf, type Material } from './cases.js'
import { Lockstep } from './lockstep.js'
import { expect } from './oracle.js'
import { type Caller, changeClient, mend, runBackground, type Servers } from './servers.js'
import type { Tally } from './tally.js'

/** After so many cases whatever refuses callers is taken away, so that there is something to compare. */
const MEND_EVERY = 25
/** Cases with differences after which it ends. */
export const MAX_TOLD = 5

/** Of a key, what may be shown: which one it is. */
const KEY_ID_LENGTH = 'vk_test_'.length + 12

/** A row of cases on servers of their own. */
export class Leg {
  readonly #tally: Tally
  readonly #clock: HandClock
  readonly #servers: Servers
  readonly #material: Material
  readonly #steps: Lockstep

  constructor(tally: Tally, clock: HandClock, { servers, material }: { readonly servers: Servers; readonly material: Material }) {
    this.#tally = tally
    this.#clock = clock
    this.#servers = servers
    this.#material = material
    this.#steps = new Lockstep(servers)
  }

  async send({ first, cases }: { readonly first: number; readonly cases: number }): Promise<void> {
    for (const { record, key } of this.#material.callers) this.#steps.seen.note(JSON.stringify([record.id, key]))
    for (let number = first; number < first + cases && this.#tally.failedCount < MAX_TOLD; number += 1) {
      if (number % MEND_EVERY === 0) await mend(this.#servers, this.#material.callers).then(runBackground)
      const made = caseOf(this.#material, number)
      const faults = await this.#one(made, number)
      if (faults.length > 0) this.#tell(made, number, faults)
    }
    await this.#steps.close()
    await this.#noteWays()
  }

  async #one({ kind, passedMs, request, times, turned }: Case, number: number): Promise<readonly string[]> {
    this.#tally.kinds.note(kind)
    this.#clock.pass(passedMs)
    // Rollouts may be by chance, and each server would draw another one.
    Math.random = () => (number % 100) / 100
    if (turned) await changeClient(this.#servers, turned.caller, this.#changesFor(turned))
    if (kind === 'burst') {
      await mend(this.#servers, this.#material.callers)
      return burst(this.#servers, this.#material.callers[0] as Caller, number)
    }
    const faults: string[] = []
    for (let time = 0; time < times && faults.length === 0; time += 1) {
      const expectation = expect(this.#servers.reference, { ...request, key: request.key && this.#steps.seen.fill(request.key) })
      const { answer, differences } = await this.#steps.send(request)
      const outcome = outcomeOf(answer.status, answer.body)
      this.#tally.outcomes.note(outcome)
      if (outcome.endsWith('INTERNAL_SERVER_ERROR')) faults.push(`all of them answer ${outcome}`)
      faults.push(...differences, ...expectation(answer), ...this.#findUneven())
    }
    return faults
  }

  #changesFor({ caller, to }: NonNullable<Case['turned']>): object {
    if (to === 'expired') return { expiresAt: new Date(this.#clock.wallMs + 1_000) }
    return to === 'renewed' ? { ...caller.record } : { role: to }
  }

  /** Whether one of them has committed what another one has not. */
  #findUneven(): readonly string[] {
    const revisions = Object.values(this.#servers).map(({ services }) => services.ledger.snapshot.revision)
    return new Set(revisions).size === 1 ? [] : [`revisions ${revisions.join(', ')}`]
  }

  #tell({ kind, request }: Case, number: number, faults: readonly string[]): void {
    this.#tally.failedCount += 1
    console.log(
      `\ncase ${number} (${kind}): ${request.method} ${request.path} ${JSON.stringify(request.headers)} ${request.key?.slice(0, KEY_ID_LENGTH)}`,
    )
    console.log(`  ${request.body}`)
    for (const fault of faults) console.log(`  * ${fault}`)
  }

  /** How many operations each server has executed by which way. */
  async #noteWays(): Promise<void> {
    await mend(this.#servers, this.#material.callers)
    const { key } = this.#material.callers[0] as Caller
    for (const [server, { executions }] of Object.entries(this.#servers)) {
      for (const [way, count] of Object.entries(await executions(key))) this.#tally.ways.note(`${server} by ${way}`, count)
    }
  }
}

/** The status with the code of the first error. */
function outcomeOf(status: number, body: string): string {
  const [, code = ''] = /"code":"([A-Z_]+)"/.exec(body.slice(0, 5_000)) ?? []
  return body.startsWith('{"errors"') ? `${status} ${code}` : String(status)
}
