import { APP_ERROR_CODES, type AppErrorCode } from '../../../core/contract/errors.js'
import type { Json } from '../../../core/values/json.js'
import type { SmokeCheckSpec } from '../checks/smoke-check.collection.js'
import { describeOutgoingFault } from '../outgoing/fault-words.js'
import { MAX_BODY_BYTES, type OutgoingAnswer } from '../outgoing/outgoing-client.js'
import { findMismatch } from './body-match.js'
import type { ProbeContext } from './check-context.js'
import { failed, PASSED, skipped, type Verdict } from './verdict.js'

/** What is asked, in the words of a {@link SmokeCheckSpec}. */
export interface ProbeSpec extends Pick<SmokeCheckSpec, 'kind' | 'path' | 'query' | 'expectStatus' | 'expectBody' | 'maxLatencyMs'> {
  /** Other statuses that are as good. */
  readonly otherStatuses?: readonly number[]
  /** False for a GRAPHQL check that has to be refused. */
  readonly sendsKey?: boolean
  /** What an assertion on the body is, where expectBody cannot say it: the fault, or undefined. */
  readonly inspect?: (body: unknown) => string | undefined
}

/** Asks, and holds the answer against what is expected: status, latency, body, in this order. Rejects when its time is up. */
export async function probe(spec: ProbeSpec, context: ProbeContext): Promise<Verdict> {
  const answer = await ask(spec, context).catch((error: unknown) => {
    context.signal.throwIfAborted()
    return failed(`No answer: ${describeOutgoingFault(error)}.`)
  })
  return 'body' in answer ? judge(spec, answer) : answer
}

function ask({ kind, path, query, sendsKey = true }: ProbeSpec, { client, key, requestId, signal }: ProbeContext): Promise<OutgoingAnswer> {
  if (kind === 'HTTP') return client.request({ method: 'GET', path, headers: { accept: '*/*', 'x-request-id': requestId }, signal })
  const headers: Record<string, string> = { 'content-type': 'application/json', accept: 'application/json', 'x-request-id': requestId }
  if (sendsKey && key !== undefined) headers['authorization'] = `Bearer ${key}`
  return client.request({ method: 'POST', path, headers, body: JSON.stringify({ query }), signal })
}

function judge(spec: ProbeSpec, answer: OutgoingAnswer): Verdict {
  const { status: statusCode, latencyMs } = answer
  const details = { statusCode, latencyMs }
  const body = parseBody(answer)
  const code = spec.kind === 'GRAPHQL' ? errorCodeOf(body) : undefined
  // A check whose own query is refused by the maintenance mode tells nothing about the service.
  if (code === 'MAINTENANCE' && spec.sendsKey !== false) {
    return skipped('The maintenance mode refuses what this check asks for. Run it again once the mode is NORMAL.', details)
  }
  const isExpected = statusCode === spec.expectStatus || (spec.otherStatuses?.includes(statusCode) ?? false)
  if (!isExpected) return failed(`The status is ${statusCode}, not ${spec.expectStatus}${because(statusCode, code)}`, details)
  if (spec.maxLatencyMs !== null && latencyMs > spec.maxLatencyMs) {
    return failed(
      `The answer took ${Math.ceil(latencyMs)} ms, at most ${spec.maxLatencyMs} ms are allowed. Look for load, or raise maxLatencyMs.`,
      details,
    )
  }
  const fault = findBodyFault(spec, answer, body)
  return fault === undefined ? { ...PASSED, ...details } : failed(fault, details)
}

function findBodyFault(
  { kind, expectStatus, expectBody, inspect }: ProbeSpec,
  { isWhole }: OutgoingAnswer,
  body: unknown,
): string | undefined {
  const isErrorExpected = expectStatus !== 200 || (isObject(expectBody) && 'errors' in expectBody)
  const isBodyLookedAt = expectBody !== null || inspect !== undefined || (kind === 'GRAPHQL' && !isErrorExpected)
  if (!isBodyLookedAt) return undefined
  if (!isWhole) return `The answer is longer than ${MAX_BODY_BYTES / 1024} KiB, so its body was not looked at. Ask for less.`
  if (body === undefined) return 'The body is not JSON. Check the path, or leave expectBody out.'
  if (kind === 'GRAPHQL' && !isErrorExpected && hasErrors(body)) return `The answer holds GraphQL errors${because(200, errorCodeOf(body))}`
  const mismatch = expectBody === null ? undefined : findMismatch(expectBody, body)
  if (mismatch) {
    const place = mismatch.path === '' ? 'The body as a whole' : `In the body, \`${mismatch.path}\``
    return mismatch.isMissing ? `${place} is missing.` : `${place} is not what expectBody says.`
  }
  return inspect?.(body)
}

/** What to do about a status or a code of ours; ends the sentence. */
function because(statusCode: number, code: AppErrorCode | undefined): string {
  const shown = code === undefined ? '' : ` (${code})`
  const hint = (code && HINTS[code]) ?? STATUS_HINTS[statusCode]
  return `${shown}${hint === undefined ? '.' : `: ${hint}.`}`
}

const HINTS: Partial<Readonly<Record<AppErrorCode, string>>> = {
  UNAUTHENTICATED:
    'the key of the run works on the replica that runs the test only; leave baseUrl out, or take other replicas out from behind the public URL',
  FORBIDDEN: 'the query asks for more than an OPERATOR may see; ask for less',
  RATE_LIMITED: 'a rate limit rule counts the probes too; look at rateLimitRules, or wait',
  UNAVAILABLE: 'something that the service needs does not answer, most likely its database',
  INTERNAL_SERVER_ERROR: "look into the service's log for the run's id",
}

const STATUS_HINTS: Readonly<Record<number, string>> = {
  301: 'redirects are not followed; probe the address that it leads to',
  302: 'redirects are not followed; probe the address that it leads to',
  303: 'redirects are not followed; probe the address that it leads to',
  307: 'redirects are not followed; probe the address that it leads to',
  308: 'redirects are not followed; probe the address that it leads to',
  404: 'there is nothing at this path; check the path, and the base URL',
  502: 'a proxy in between does not reach the service',
  503: 'the service is shutting down, or what it needs is away',
  504: 'a proxy in between has waited in vain for the service',
}

function parseBody({ body, isWhole }: OutgoingAnswer): unknown {
  if (!isWhole) return undefined
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

function hasErrors(body: unknown): boolean {
  return isObject(body) && body['errors'] !== undefined
}

/** The code of the first error, when it is one of the closed set of ours: anything else would be a quotation. */
function errorCodeOf(body: unknown): AppErrorCode | undefined {
  const errors = isObject(body) ? body['errors'] : undefined
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined
  const extensions = isObject(first) ? first['extensions'] : undefined
  const code = isObject(extensions) ? extensions['code'] : undefined
  return APP_ERROR_CODES.find((known) => known === code)
}

function isObject(value: unknown): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
