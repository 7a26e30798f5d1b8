import { type Client, createClient } from 'graphql-ws'
import WebSocket from 'ws'
import { CliFault } from '../fault.js'
import { type AnswerError, faultOf } from './answer-faults.js'
import { type Document, textOf } from './document.js'
import type { Target } from './transport.js'

/** Close codes of graphql-transport-ws for a key that is not accepted: to try again would not help. */
const FATAL: ReadonlySet<number> = new Set([4400, 4401, 4403, 4406, 4500])

/** A connection for subscriptions, which opens with the first and is the caller's to dispose of. It never reconnects by itself. */
export function openSocket({ url, key }: Target): Client {
  return createClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: key === undefined ? {} : { authorization: `Bearer ${key}` },
    retryAttempts: 0,
    lazy: true,
  })
}

/** Follows a subscription to its end. Throws CliFault for errors of the answer, LostConnection when the connection ends before. */
export async function follow<Result, Variables extends Record<string, unknown>>(
  client: Client,
  asked: { document: Document<Result, Variables>; variables: Variables },
  take: (data: Result) => void,
): Promise<void> {
  const query = textOf(asked.document)
  await new Promise<void>((done, fail) => {
    client.subscribe<Result>(
      { query, variables: asked.variables },
      {
        next({ data, errors }) {
          if (errors) fail(faultOf(errors as readonly AnswerError[]))
          else if (data) take(data)
        },
        error: (error) => fail(toFault(error)),
        complete: done,
      },
    )
  })
}

/** The connection has ended; to open another one may help. */
export class LostConnection extends Error {
  override readonly name = 'LostConnection'
}

function toFault(error: unknown): Error {
  if (Array.isArray(error)) return faultOf(error as AnswerError[])
  const { code, reason } = error as { code?: number; reason?: string }
  if (code !== undefined && FATAL.has(code))
    return faultOf([{ message: reason || `closed with ${code}`, extensions: { code: CODES[code] ?? '' } }])
  if (error instanceof CliFault) return error
  return new LostConnection(reason || (error instanceof Error ? error.message : `closed with ${code}`))
}

const CODES: Readonly<Record<number, string>> = { 4401: 'UNAUTHENTICATED', 4403: 'FORBIDDEN' }
