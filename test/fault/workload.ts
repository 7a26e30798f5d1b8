import type { JsonObject } from '../../src/core/values/json.js'
import { askOverHttp } from '../testkit/server-process.js'
import type { Attempt, AttemptOutcome } from '../testkit/write-audit.js'

/** Whom the clients write to. */
export interface Target {
  readonly url: string
  readonly key: string
}

/** What one round's clients do. */
export interface WorkloadOptions extends Target {
  /** Makes names that no other round has. */
  readonly round: string
  readonly clients: number
  /** Clients begin nothing new once it is aborted. */
  readonly signal: AbortSignal
  /** Called after each write that was acknowledged. */
  onAcknowledged(): void
}

/** What they did. */
export interface WorkloadReport {
  readonly attempts: readonly Attempt[]
  /** What must not have happened, one line each. */
  readonly violations: readonly string[]
}

/** A write as it is sent. */
interface Intent {
  readonly operation: 'setConfig' | 'setFeatureFlag' | 'deleteConfig' | 'deleteFeatureFlag'
  readonly key: string
  readonly content: JsonObject | null
  readonly expectedVersion?: number | undefined
}

const DOCUMENTS: Readonly<Record<Intent['operation'], string>> = {
  setConfig: document('setConfig', 'SetConfigInput', 'configEntry { key value version }'),
  setFeatureFlag: document('setFeatureFlag', 'SetFeatureFlagInput', 'featureFlag { key description isEnabled version }'),
  deleteConfig: document('deleteConfig', 'DeleteConfigInput', 'deletedKey'),
  deleteFeatureFlag: document('deleteFeatureFlag', 'DeleteFeatureFlagInput', 'deletedKey'),
}
/** Keys that a client has for itself, and keys that all clients share. */
const OWN_KEYS = 3
const SHARED_KEYS = 3

function document(operation: Intent['operation'], input: string, object: string): string {
  return `mutation($input: ${input}!) { write: ${operation}(input: $input) { object: ${object} userErrors { code } revision } }`
}

/** The key of a round's counter, which all clients raise by expectedVersion. */
export function counterKey(round: string): string {
  return `kill/counter/${round}`
}

/** Makes the round's counter, and with it warms the server up; the write is one to be audited like the others. */
export async function createCounter(target: Target, round: string): Promise<Attempt> {
  const intent: Intent = { operation: 'setConfig', key: counterKey(round), content: { value: 0 }, expectedVersion: 0 }
  const { attempt } = await submit(target, intent, { client: `${round}.first`, correlationId: `${round}.first` })
  return attempt
}

/** Lets clients write, each one write after the other, until they are told to end or the server is gone. */
export async function runClients(options: WorkloadOptions): Promise<WorkloadReport> {
  const clients = Array.from({ length: options.clients }, (_, index) => new WritingClient(options, index))
  const reports = await Promise.all(clients.map((client) => client.run()))
  return { attempts: reports.flatMap(({ attempts }) => attempts), violations: reports.flatMap(({ violations }) => violations) }
}

class WritingClient {
  readonly #options: WorkloadOptions
  readonly #name: string
  readonly #attempts: Attempt[] = []
  readonly #violations: string[] = []
  /** Versions of its own objects, by operation and key; 0 for those that it has deleted. */
  readonly #versions = new Map<string, number>()
  #counter: { value: number; version: number } | undefined

  constructor(options: WorkloadOptions, index: number) {
    this.#options = options
    this.#name = `${options.round}.c${index}`
  }

  async run(): Promise<WorkloadReport> {
    while (!this.#options.signal.aborted) {
      const dice = Math.random()
      const isAlive = dice < 0.35 ? await this.#raiseCounter() : dice < 0.75 ? await this.#writeOwn() : await this.#writeShared()
      if (!isAlive) break
    }
    return { attempts: this.#attempts, violations: this.#violations }
  }

  /** Reads the counter where it is not known, and writes one more, if nobody was faster. */
  async #raiseCounter(): Promise<boolean> {
    const key = counterKey(this.#options.round)
    this.#counter ??= await this.#readCounter(key)
    if (!this.#counter) return false
    const { value, version } = this.#counter
    const outcome = await this.#write({ operation: 'setConfig', key, content: { value: value + 1 }, expectedVersion: version })
    this.#counter = outcome.kind === 'acknowledged' ? { value: value + 1, version: version + 1 } : undefined
    return outcome.kind !== 'unanswered'
  }

  async #readCounter(key: string): Promise<{ value: number; version: number } | undefined> {
    const query = 'query($key: String!) { config(key: $key) { value version } }'
    try {
      const { data } = await askOverHttp(this.#options.url, { key: this.#options.key, query, variables: { key } })
      return (data as { config?: { value: number; version: number } } | null | undefined)?.config
    } catch {
      return undefined
    }
  }

  /** Sets or deletes an object that nobody else writes: a version that is known is true, so that nothing may be refused. */
  async #writeOwn(): Promise<boolean> {
    const isFlag = Math.random() < 0.4
    const key = `kill/${this.#name.split('.')[1]}/${Math.floor(Math.random() * OWN_KEYS)}`
    const place = `${isFlag} ${key}`
    const expectedVersion = this.#versions.get(place)
    const isDelete = (expectedVersion ?? 0) > 0 && Math.random() < 0.2
    const outcome = await this.#write({ ...this.#intent(isFlag, isDelete), key, expectedVersion })
    if (outcome.kind === 'acknowledged') this.#versions.set(place, outcome.version ?? 0)
    if (outcome.kind === 'refused') this.#violations.push(`refused to its only writer: ${key} ${outcome.codes.join(', ')}`)
    return outcome.kind !== 'unanswered'
  }

  async #writeShared(): Promise<boolean> {
    const key = `kill/shared/${Math.floor(Math.random() * SHARED_KEYS)}`
    const outcome = await this.#write({ ...this.#intent(Math.random() < 0.4, Math.random() < 0.2), key })
    return outcome.kind !== 'unanswered'
  }

  /** Contents differ from write to write, so that none of them changes nothing. */
  #intent(isFlag: boolean, isDelete: boolean): Pick<Intent, 'operation' | 'content'> {
    const count = this.#attempts.length
    if (isFlag) {
      const content = { description: `${this.#name} wrote ${count}`, isEnabled: count % 2 === 0 }
      return isDelete ? { operation: 'deleteFeatureFlag', content: null } : { operation: 'setFeatureFlag', content }
    }
    return isDelete
      ? { operation: 'deleteConfig', content: null }
      : { operation: 'setConfig', content: { value: { by: this.#name, count } } }
  }

  async #write(intent: Intent): Promise<AttemptOutcome> {
    const correlationId = `${this.#name}.${this.#attempts.length}`
    const { attempt, violation } = await submit(this.#options, intent, { client: this.#name, correlationId })
    this.#attempts.push(attempt)
    if (attempt.outcome.kind === 'acknowledged') this.#options.onAcknowledged()
    if (violation !== undefined) this.#violations.push(`${violation}: ${correlationId}`)
    return attempt.outcome
  }
}

/** What a write's answer holds. */
interface WriteAnswer {
  readonly object: (JsonObject & { readonly version: number }) | string | null
  readonly userErrors: readonly { readonly code: string }[]
  readonly revision: number | null
}

async function submit(
  { url, key }: Target,
  intent: Intent,
  { client, correlationId }: Pick<Attempt, 'client' | 'correlationId'>,
): Promise<{ attempt: Attempt; violation?: string | undefined }> {
  const { operation, content, expectedVersion } = intent
  const input = { key: intent.key, ...content, ...(expectedVersion === undefined ? {} : { expectedVersion }) }
  const targetType = operation.endsWith('Config') ? 'ConfigEntry' : 'FeatureFlag'
  const attempt = (outcome: AttemptOutcome): Attempt => ({ client, correlationId, targetType, key: intent.key, content, outcome })
  const question = { key, query: DOCUMENTS[operation], variables: { input }, requestId: correlationId }
  const answer = await askOverHttp(url, question).catch(() => undefined)
  if (!answer) return { attempt: attempt({ kind: 'unanswered' }) }
  const write = (answer.data as { write?: WriteAnswer } | null | undefined)?.write
  if (!write) {
    const codes = answer.errors?.map(({ extensions }) => extensions?.['code']) ?? []
    const isExpected = codes.every((code) => code === 'UNAVAILABLE')
    return {
      attempt: attempt({ kind: 'unanswered' }),
      violation: isExpected ? undefined : `answered with ${JSON.stringify(answer.errors)}`,
    }
  }
  if (write.userErrors.length > 0) return { attempt: attempt({ kind: 'refused', codes: write.userErrors.map(({ code }) => code) }) }
  const isOwnId = answer.headers.get('x-request-id') === correlationId
  const violation = isOwnId ? misanswer(intent, write) : 'answered under another request id'
  const version = typeof write.object === 'object' ? (write.object?.version ?? null) : null
  return { attempt: attempt({ kind: 'acknowledged', revision: write.revision ?? 0, version }), violation }
}

/** What an acknowledgement says that is not so. */
function misanswer({ key, content, expectedVersion }: Intent, { object, revision }: WriteAnswer): string | undefined {
  if (revision === null) return 'acknowledged without a revision'
  if (content === null) return object === key ? undefined : `acknowledged with another key, ${JSON.stringify(object)}`
  const expected = { key, ...content, ...(expectedVersion === undefined ? {} : { version: expectedVersion + 1 }) }
  const isAsSent = Object.entries(expected).every(
    ([field, value]) => typeof object === 'object' && JSON.stringify(object?.[field]) === JSON.stringify(value),
  )
  return isAsSent ? undefined : `acknowledged with another content, ${JSON.stringify(object)}`
}
