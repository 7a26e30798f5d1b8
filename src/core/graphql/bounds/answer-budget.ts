import { GraphQLError } from 'graphql'
import { AppError } from '../../contract/errors.js'
import type { RequestContext } from '../context.js'

/** The answer to a call would be larger than answers may be: it takes the place of the whole answer. */
export class AnswerTooLargeError extends AppError {
  constructor(maxBytes: number) {
    const message = `The answer would have more than ${maxBytes} bytes. Ask for less at once: a smaller \`first\`, or fewer fields. What a mutation has written stands.`
    super('BAD_USER_INPUT', message, { extensions: { maxAnswerBytes: maxBytes } })
  }
}

/** The error among those of an execution that says that its answer is too large. */
export function findTooLarge(errors: readonly GraphQLError[]): AnswerTooLargeError | undefined {
  for (const error of errors) {
    // graphql-js wraps what a resolver throws.
    for (let cause: Error | undefined = error; cause instanceof GraphQLError; cause = cause.originalError)
      if (cause instanceof AnswerTooLargeError) return cause
  }
  return undefined
}

/**
 * What the answer to one call may still hold. It is counted while the answer is put together and while rows are read for it, so
 * that a call ends long before what it asks for is in memory.
 */
export class AnswerBudget {
  /** Nothing more is worth being read or put together. */
  isSpent = false
  readonly #maxBytes: number
  #answered = 0
  #loaded = 0
  #isTold = false

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Bytes of the values that were counted so far. */
  get answeredBytes(): number {
    return this.#answered
  }

  /** Counts what was read for the answer. Never throws: whoever puts it into the answer hears of it. */
  load(bytes: number): void {
    this.#loaded += bytes
    if (this.#loaded > this.#maxBytes) this.isSpent = true
  }

  /** Counts a value of the answer under its key. Throws AnswerTooLargeError once; false ever after. */
  admits(key: string | number, value: unknown): boolean {
    if (!this.isSpent) {
      // The key with its quotes, the colon and the comma.
      this.#answered += String(key).length + 4 + bytesOf(value)
      if (this.#answered > this.#maxBytes) this.isSpent = true
    }
    if (this.isSpent && !this.#isTold) {
      this.#isTold = true
      throw new AnswerTooLargeError(this.#maxBytes)
    }
    return !this.isSpent
  }
}

/** The budget of a call. */
export const answerBudget = ({ core }: RequestContext): AnswerBudget => new AnswerBudget(core.settings.maxAnswerBytes)

/** Characters that take more than one byte in JSON. */
const LONG = /[^ !#-[\]-~]/
const DATE_BYTES = 26

/** Bytes that a value has as JSON, or one fewer for a list or an object without anything in it. */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return LONG.test(value) ? Buffer.byteLength(JSON.stringify(value)) : value.length + 2
  if (typeof value !== 'object' || value === null) return String(value).length
  if (value instanceof Date) return DATE_BYTES
  // Brackets, and one comma less than there are members.
  let bytes = 1
  if (Array.isArray(value)) for (const item of value) bytes += bytesOf(item) + 1
  else for (const [name, member] of Object.entries(value)) bytes += bytesOf(name) + bytesOf(member) + 2
  return bytes
}
