import type { GraphQLError } from 'graphql'
import type { Answered } from '../../operation/operations.js'
import { isResponseTypeWanted } from '../answer.js'

/** Status and headers of an answer. */
export interface AnswerHead {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
}

/** What an error asks of the answer that it is in. */
interface ErrorHead {
  readonly status?: number
  readonly headers?: Iterable<readonly [string, string]>
}

/** How an answer is sent over HTTP to a client that accepts these media types. */
export function headOf({ result, errors, headers }: Answered, accept: string | undefined): AnswerHead {
  if (errors.length === 0) return { status: 200, headers }
  const heads = errors.map(({ extensions }: GraphQLError) => (extensions['http'] ?? {}) as ErrorHead)
  return {
    status: statusOf(result, heads, accept),
    headers: { ...headers, ...Object.fromEntries(heads.flatMap((head) => [...(head.headers ?? [])])) },
  }
}

/**
 * The status that an error asks for stands only for an answer without data: with the media type `application/graphql-response+json` as
 * GraphQL over HTTP demands it (no 4xx with data that is not null); with `application/json` also when every root field is null, so that a
 * refused call is seen as refused.
 */
function statusOf({ data, errors }: Answered['result'], heads: readonly ErrorHead[], accept: string | undefined): number {
  const isStrict = isResponseTypeWanted(accept)
  if (data !== null && data !== undefined && (isStrict || Object.values(data).some((value) => value !== null))) return 200
  if (errors?.some(({ extensions }) => extensions?.['code'] === 'INTERNAL_SERVER_ERROR')) return 500
  return heads.findLast(({ status }) => status !== undefined)?.status ?? 400
}
