import { CliFault, EXIT, usage } from '../fault.js'
import { type AnswerError, AnswerFault, faultOf } from './answer-faults.js'
import { type Document, textOf } from './document.js'

/** Where the server is, and who asks. */
export interface Target {
  /** Without a slash at its end, and without /graphql. */
  readonly url: string
  readonly key: string | undefined
}

/** A GraphQL request. */
export interface Question {
  readonly query: string
  readonly variables?: object
}

/** A whole GraphQL answer. */
export interface Answer {
  readonly data?: unknown
  readonly errors?: readonly AnswerError[]
}

/** How long an answer may take: the longest write waits for a minute. Milliseconds. */
const PATIENCE_MS = 120_000
/** How often something that may have been done is sent. */
const TRIES = 3
const PAUSE_MS = 400

/** Nobody answered, or not to the end: what was sent may have been done. */
class LostAnswer extends CliFault {}

/** Asks the server, whatever it answers. Throws CliFault when nothing comes that is GraphQL. */
export async function exchange({ url, key }: Target, question: Question): Promise<Answer> {
  const headers = { 'content-type': 'application/json', ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) }
  const body = JSON.stringify(question)
  const signal = AbortSignal.timeout(PATIENCE_MS)
  let response: Response
  let text: string
  try {
    // A redirection would take the key elsewhere.
    response = await fetch(`${url}/graphql`, { method: 'POST', headers, body, signal, redirect: 'manual' })
    text = await response.text()
  } catch (error) {
    throw new LostAnswer(EXIT.unavailable, `${url} cannot be reached: ${reasonOf(error)}`, 'is it running, and is --url right?')
  }
  return readAnswer(text, response, url)
}

function readAnswer(text: string, response: Response, url: string): Answer {
  const isJson = /^application\/(graphql-response\+)?json/.test(response.headers.get('content-type') ?? '')
  if (!isJson) {
    if (response.status >= 500) throw new LostAnswer(EXIT.unavailable, `${url} answers with HTTP ${response.status}`)
    throw usage(`${url}/graphql answers with HTTP ${response.status}, and not in GraphQL`, 'is --url the address of a control plane?')
  }
  try {
    return JSON.parse(text) as Answer
  } catch {
    throw new LostAnswer(EXIT.unavailable, `the answer of ${url} is cut off`)
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (cause instanceof AggregateError) return reasonOf(cause.errors[0])
  return cause instanceof Error ? cause.message : String(cause)
}

/** Asks the server for data. Throws CliFault for errors of the answer. */
export async function ask<Result, Variables>(target: Target, document: Document<Result, Variables>, variables: Variables): Promise<Result> {
  const { data, errors } = await exchange(target, { query: textOf(document), variables: variables as object })
  if (errors && errors.length > 0) throw faultOf(errors)
  return data as Result
}

/**
 * As {@link ask}, for what can be sent again: where an answer was lost, or says that the database was away, the very same
 * question is sent again. It has to carry an idempotency key.
 */
export async function askAgain<Result, Variables>(
  target: Target,
  document: Document<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask(target, document, variables)
    } catch (error) {
      const isWorthIt = error instanceof LostAnswer || (error instanceof AnswerFault && error.code === 'UNAVAILABLE')
      if (!isWorthIt || attempt === TRIES) throw error
      await new Promise((done) => setTimeout(done, PAUSE_MS * attempt))
    }
  }
}
