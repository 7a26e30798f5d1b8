import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import type { Clock } from '../../../core/platform/clock.js'
import type { Log } from '../../../core/platform/log.js'
import type { CounterCall, CounterReading, Counters } from './counters.js'
import { TAKE_SCRIPT } from './redis-script.js'
import { ReplyWatch } from './reply-watch.js'

/** How long a connection may take to be made, and then to be ready; milliseconds. */
const CONNECT_TIMEOUT_MS = 1_000
/** How long the other side is given to take leave of a connection that is given up; milliseconds. */
const DISCONNECT_TIMEOUT_MS = 250
/** How often a Redis that is away is tried again; milliseconds. */
const TRY_EVERY_MS = 500
/** Tries without an answer after which the connection is given up: it may lead nowhere. */
const MAX_SILENT_TRIES = 2
/** How long the start waits for the connection; milliseconds. */
const OPEN_TIMEOUT_MS = 1_500
/** Longer subjects are hashed, so that whoever is counted does not choose how much is stored. */
const MAX_SUBJECT_LENGTH = 64
const MICROS = 1_000

/** What counters in Redis are made of. */
export interface RedisCountersOptions {
  readonly url: string
  /** Name of the deployment: several may share one Redis. */
  readonly environmentName: string
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly log: Pick<Log, 'info' | 'warn'>
}

/** A counter that nobody is counted in, to try whether counting works: a Redis without memory answers pings as well. */
const PROBE: CounterCall = { counterId: 'probe', subject: 'probe', windowMs: 1_000, max: Number.MAX_SAFE_INTEGER, isShadow: false }

type TakeCommand = (keyCount: number, ...keysAndArguments: (string | number)[]) => Promise<number[]>

/**
 * Counters that all replicas share. After a failure {@link isReachable} is false until counting works again, which is tried
 * twice a second, off the path of requests: a Redis that is away or does not answer is waited for at most once.
 */
export class RedisCounters implements Counters {
  /** Times that Redis was lost. */
  outages = 0
  readonly #redis: Redis & { readonly takeUnits: TakeCommand }
  readonly #prefix: string
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #log: Pick<Log, 'info' | 'warn'>
  readonly #timer: NodeJS.Timeout
  readonly #replies = new ReplyWatch()
  #handshake: NodeJS.Timeout | undefined
  #isReachable = false
  #isTrying = false
  #silentTries = 0
  #awaySinceMs: number | undefined
  #lastFault: unknown

  constructor({ url, environmentName, clock, log }: RedisCountersOptions) {
    this.#prefix = `valhalla:${environmentName}:limit:`
    this.#clock = clock
    this.#log = log
    const redis = new Redis(url, {
      connectTimeout: CONNECT_TIMEOUT_MS,
      disconnectTimeout: DISCONNECT_TIMEOUT_MS,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      disableClientInfo: true,
      retryStrategy: () => TRY_EVERY_MS,
      scripts: { takeUnits: { lua: TAKE_SCRIPT } },
    })
    this.#redis = redis as Redis & { readonly takeUnits: TakeCommand }
    redis.on('error', (error: unknown) => {
      this.#lastFault = error
    })
    redis.on('connect', () => this.#watchHandshake())
    redis.on('ready', () => void this.#try())
    redis.on('close', () => this.#lose(this.#lastFault ?? new Error('the connection was closed')))
    this.#timer = setInterval(() => void this.#try(), TRY_EVERY_MS)
    this.#timer.unref()
  }

  /** Whether counting worked when it was last tried. */
  get isReachable(): boolean {
    return this.#isReachable
  }

  /** Waits for the first connection, for a moment; a Redis that is away is reported and does not keep anybody. */
  async open(): Promise<void> {
    const deadlineMs = this.#clock.monotonicMs() + OPEN_TIMEOUT_MS
    while (!this.#isReachable && this.#clock.monotonicMs() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 5))
    if (!this.#isReachable) this.#lose(this.#lastFault ?? new Error('no answer'))
  }

  /** Rejects when Redis does not answer in time, and is then taken as away. */
  take(calls: readonly CounterCall[], cost: number): Promise<readonly CounterReading[]> {
    return this.#ask(calls, { cost, isLook: false })
  }

  look(calls: readonly CounterCall[], cost: number): Promise<readonly CounterReading[]> {
    return this.#ask(calls, { cost, isLook: true })
  }

  close(): void {
    clearInterval(this.#timer)
    clearTimeout(this.#handshake)
    this.#redis.removeAllListeners('close')
    this.#redis.disconnect()
  }

  async #ask(calls: readonly CounterCall[], mode: { cost: number; isLook: boolean }): Promise<readonly CounterReading[]> {
    try {
      return await this.#send(calls, mode)
    } catch (error) {
      this.#lose(error)
      throw error
    }
  }

  async #send(calls: readonly CounterCall[], { cost, isLook }: { cost: number; isLook: boolean }): Promise<readonly CounterReading[]> {
    const keys = calls.map(({ counterId, subject }) => `${this.#prefix}${counterId}:${shortened(subject)}`)
    const limits = calls.flatMap(({ windowMs, max, isShadow }) => [windowMs * MICROS, max, Number(isShadow)])
    return readingsOf(await this.#replies.within(this.#redis.takeUnits(keys.length, ...keys, cost, Number(isLook), 0, ...limits)))
  }

  /** Gives up a connection that was accepted by nobody who answers. */
  #watchHandshake(): void {
    clearTimeout(this.#handshake)
    this.#handshake = setTimeout(() => {
      if (this.#redis.status !== 'ready') this.#redis.disconnect(true)
    }, CONNECT_TIMEOUT_MS)
    this.#handshake.unref()
  }

  /** Tries whether counting works, while it did not. */
  async #try(): Promise<void> {
    if (this.#isReachable || this.#isTrying || this.#redis.status !== 'ready') return
    this.#isTrying = true
    try {
      await this.#send([PROBE], { cost: 1, isLook: false })
      this.#silentTries = 0
      this.#isReachable = true
      this.#reportBack()
    } catch (error) {
      this.#lastFault = error
      this.#silentTries += 1
      if (this.#silentTries % MAX_SILENT_TRIES === 0) this.#redis.disconnect(true)
    } finally {
      this.#isTrying = false
    }
  }

  #lose(error: unknown): void {
    this.#isReachable = false
    if (this.#awaySinceMs !== undefined) return
    this.#awaySinceMs = this.#clock.monotonicMs()
    this.outages += 1
    this.#log.warn({ err: error }, 'Redis is away: until it is back, each replica counts rate limits for itself')
  }

  #reportBack(): void {
    if (this.#awaySinceMs === undefined) return
    const awayMs = Math.round(this.#clock.monotonicMs() - this.#awaySinceMs)
    this.#awaySinceMs = undefined
    this.#log.info({ awayMs }, 'Redis is back: rate limits are counted there again')
  }
}

/** The answer of {@link TAKE_SCRIPT} as readings. */
export function readingsOf(answer: readonly number[]): CounterReading[] {
  const readings: CounterReading[] = []
  for (let at = 0; at + 4 < answer.length; at += 5) {
    const [isFitting = 0, start = 0, elapsed = 0, current = 0, previous = 0] = answer.slice(at, at + 5)
    readings.push({ isFitting: isFitting === 1, startedAtMs: Math.floor(start / MICROS), elapsedMs: elapsed / MICROS, current, previous })
  }
  return readings
}

function shortened(subject: string): string {
  return subject.length <= MAX_SUBJECT_LENGTH ? subject : `sha256-${createHash('sha256').update(subject).digest('base64url')}`
}
