import { constants, fstatSync, openSync } from 'node:fs'
import { type DestinationStream, destination as fileDestination, type Logger, type LoggerOptions, pino, stdTimeFunctions } from 'pino'
import { REDACTED, scrubSecrets } from './scrub.js'
import type { Settings } from './settings.js'

/** Where everything is logged: one JSON object a line, with secrets taken out (see {@link createLog}). */
export type Log = Logger

/** What the log needs of the settings; the secrets are given so that they are hidden wherever they turn up. */
export type LogSettings = Pick<Settings, 'logLevel'> &
  Partial<Pick<Settings, 'environmentName' | 'region' | 'adminKey' | 'keyPepper' | 'auditKey' | 'databaseUrl' | 'redisUrl'>>

/** An error as the log shows it; `cause` and `errors` (of an AggregateError) in the same shape. */
export interface LoggedError {
  readonly type: string
  readonly message: string
  readonly code?: string | number
  readonly stack?: string
  readonly cause?: LoggedError
  readonly errors?: readonly LoggedError[]
}

/** Of a log that nobody reads, so much is kept; characters. */
const MAX_UNREAD_LENGTH = 4_194_304
/** How many causes deep an error is shown; what is deeper is left out. */
const MAX_CAUSES = 8
/** How many errors of an AggregateError are shown. */
const MAX_AGGREGATED = 8
/** A shorter password would be found in ordinary words. */
const MIN_PASSWORD_LENGTH = 8

/**
 * Hides values of any type at the places where requests and settings hold them; {@link scrubSecrets} then hides
 * strings with such names at any depth.
 */
const REDACTED_NAMES = ['authorization', '["x-api-key"]', 'cookie', 'apiKey', 'password', 'secret', 'token', 'databaseUrl', 'redisUrl']
const REDACTED_PLACES = ['', '*', '*.*'].flatMap((parent) =>
  REDACTED_NAMES.map((name) => (parent === '' ? name : name.startsWith('[') ? `${parent}${name}` : `${parent}.${name}`)),
)

/**
 * A log that writes JSON lines to `destination` (standard output when left out). The finished line is scrubbed, so
 * that no secret slips through in a message, a stack or a nested object: API keys, passwords in URLs, bearer tokens,
 * members with secret names, and the values of the secrets in `settings`.
 */
export function createLog(settings: LogSettings, destination: DestinationStream = standardOutput()): Log {
  const literals = secretLiterals(settings)
  const options: LoggerOptions = {
    level: settings.logLevel,
    base: { pid: process.pid, environment: settings.environmentName, region: settings.region },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: serializeError, error: serializeError, cause: serializeError },
    redact: { paths: REDACTED_PLACES, censor: REDACTED },
    hooks: { streamWrite: (line) => scrubSecrets(literals.reduce((text, literal) => text.replaceAll(literal, REDACTED), line)) },
  }
  return pino(options, destination)
}

/** Shared by every log of the process: each one that is opened listens for its end. */
let sharedOutput: DestinationStream | undefined

/** Standard output, opened when it is first logged to. */
function standardOutput(): DestinationStream {
  sharedOutput ??= openStandardOutput()
  return sharedOutput
}

/**
 * Whoever should read standard output may have stopped without closing it: a write to a full pipe would then never end, and
 * neither would the process. So a pipe is written to without waiting, what is not read is kept up to a bound, and the rest is
 * dropped; at the end what nobody reads is given up.
 */
function openStandardOutput(): DestinationStream {
  let isEnding = false
  process.once('exit', () => {
    isEnding = true
  })
  const stream = fileDestination({ dest: openOutput(), maxLength: MAX_UNREAD_LENGTH, retryEAGAIN: () => !isEnding })
  const flush = stream.flushSync.bind(stream)
  stream.flushSync = () => {
    try {
      flush()
    } catch (error) {
      if (!isEnding) throw error
    }
  }
  return stream
}

/** A pipe is opened once more, since not to wait is a property of the opening, which others share; elsewhere there is nothing to open. */
function openOutput(): number {
  try {
    return fstatSync(1).isFIFO() ? openSync('/proc/self/fd/1', constants.O_WRONLY | constants.O_NONBLOCK) : 1
  } catch {
    return 1
  }
}

/**
 * An error with its code, stack and chain of causes. Nothing else is taken over: errors of libraries carry documents,
 * rows and connection settings as properties. What is no error is handed on as it is.
 */
export function serializeError(error: unknown): unknown {
  return error instanceof Error ? describeError(error, MAX_CAUSES) : error
}

function describeError(error: Error, causesLeft: number): LoggedError {
  const { code } = error as { code?: unknown }
  const isCodeShown = typeof code === 'string' || typeof code === 'number'
  return {
    type: error.name,
    message: error.message,
    ...(isCodeShown ? { code } : {}),
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(error.cause === undefined || causesLeft === 0 ? {} : { cause: describeUnknown(error.cause, causesLeft - 1) }),
    ...(error instanceof AggregateError && causesLeft > 0
      ? { errors: error.errors.slice(0, MAX_AGGREGATED).map((each: unknown) => describeUnknown(each, causesLeft - 1)) }
      : {}),
  }
}

/** A cause may be anything that was thrown. */
function describeUnknown(thrown: unknown, causesLeft: number): LoggedError {
  return thrown instanceof Error ? describeError(thrown, causesLeft) : { type: typeof thrown, message: String(thrown) }
}

/** The secrets of the settings as they stand inside a JSON string, the longest first (one may hold another). */
function secretLiterals(settings: LogSettings): string[] {
  const secrets = [settings.adminKey, settings.keyPepper, settings.auditKey]
  for (const url of [settings.databaseUrl, settings.redisUrl]) secrets.push(...passwordsOf(url))
  const literals = secrets.filter((secret) => secret !== undefined).map((secret) => JSON.stringify(secret).slice(1, -1))
  return literals.sort((a, b) => b.length - a.length)
}

/** The password of a URL, as written and decoded; none when it is too short to look for. */
function passwordsOf(url: string | undefined): string[] {
  if (url === undefined || !URL.canParse(url)) return []
  const written = new URL(url).password
  return [written, decodePercent(written)].filter((password) => password.length >= MIN_PASSWORD_LENGTH)
}

/** Percent-decoding that leaves a text alone that is not encoded. */
export function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
