import { GraphQLError } from 'graphql'
import { scrubApiKeys } from '../platform/scrub.js'

/** What a caller can mend by editing the input; the same names as in the public schema. */
export type UserErrorCode =
  | 'REQUIRED'
  | 'INVALID'
  | 'TAKEN'
  | 'NOT_FOUND'
  | 'STALE_VERSION'
  | 'INVALID_STATE'
  | 'IMMUTABLE'
  | 'LOOKS_SECRET'
  | 'LIMIT_EXCEEDED'
  | 'STALE_PLAN'

/** One fault of an input: what is wrong, where (path of input fields), in words that say what to do. */
export interface UserErrorData {
  readonly code: UserErrorCode
  readonly message: string
  readonly field: readonly string[] | null
}

/**
 * Makes a {@link UserErrorData}; `field` is the path below `input`, empty for the input as a whole. Both may quote what a
 * client has sent: an API key in it is cut to its preview.
 */
export function userError(code: UserErrorCode, field: readonly string[], message: string): UserErrorData {
  return { code, message: scrubApiKeys(message), field: field.length > 0 ? field.map(scrubApiKeys) : null }
}

/** What the caller cannot mend by editing the input. */
export const APP_ERROR_CODES = [
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'RATE_LIMITED',
  'MAINTENANCE',
  'BAD_USER_INPUT',
  'IDEMPOTENCY_KEY_REUSED',
  'UNAVAILABLE',
  'INTERNAL_SERVER_ERROR',
] as const
export type AppErrorCode = (typeof APP_ERROR_CODES)[number]

/** HTTP status of each code (RFC 9110); 409 for a reused idempotency key as in the IETF Idempotency-Key draft's spirit. */
const STATUS: Readonly<Record<AppErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  RATE_LIMITED: 429,
  MAINTENANCE: 503,
  BAD_USER_INPUT: 400,
  IDEMPOTENCY_KEY_REUSED: 409,
  UNAVAILABLE: 503,
  INTERNAL_SERVER_ERROR: 500,
}

/** What an {@link AppError} may carry besides its code and message. */
export interface AppErrorOptions {
  /** When trying again makes sense; whole seconds go into the Retry-After header. */
  readonly retryAfterSeconds?: number
  /** More for `extensions`, safe to show. */
  readonly extensions?: Readonly<Record<string, unknown>>
  /** The reason behind it: logged, never shown. */
  readonly cause?: unknown
}

/** A fault that leaves as a top-level GraphQL error with its code, HTTP status and headers; its message is shown. */
export class AppError extends GraphQLError {
  readonly code: AppErrorCode
  readonly status: number
  readonly headers: ReadonlyMap<string, string>

  constructor(code: AppErrorCode, message: string, options: AppErrorOptions = {}) {
    const status = STATUS[code]
    const headers = new Map<string, string>()
    if (options.retryAfterSeconds !== undefined) headers.set('retry-after', String(Math.max(1, Math.ceil(options.retryAfterSeconds))))
    if (code === 'UNAUTHENTICATED') headers.set('www-authenticate', 'Bearer realm="valhalla"')
    super(message, {
      extensions: {
        ...options.extensions,
        code,
        ...(options.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: options.retryAfterSeconds }),
        http: { status, headers: new Map(headers) },
      },
    })
    if (options.cause !== undefined) this.cause = options.cause
    this.code = code
    this.status = status
    this.headers = headers
  }
}
