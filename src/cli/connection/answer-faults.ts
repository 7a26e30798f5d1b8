import { CliFault, EXIT } from '../fault.js'

/** A top-level error of an answer. */
export interface AnswerError {
  readonly message: string
  readonly extensions?: { readonly code?: string; readonly retryAfterSeconds?: number }
}

/** A fault of the input, which its sender can mend. */
export interface UserError {
  readonly code: string
  readonly message: string
  readonly field: readonly string[] | null
}

interface Meaning {
  readonly exitCode: number
  readonly hint?: string
}

const MEANINGS: Readonly<Record<string, Meaning>> = {
  UNAUTHENTICATED: { exitCode: EXIT.denied, hint: 'log in with `valhalla login`, or set VALHALLA_KEY' },
  FORBIDDEN: { exitCode: EXIT.denied, hint: '`valhalla status` shows your role; an ADMIN can give another one' },
  RATE_LIMITED: { exitCode: EXIT.unavailable, hint: 'try again later' },
  MAINTENANCE: { exitCode: EXIT.unavailable, hint: '`valhalla maintenance status` says until when; --override-maintenance goes through' },
  UNAVAILABLE: { exitCode: EXIT.unavailable, hint: 'try again; `valhalla doctor` looks at what is wrong' },
  BAD_USER_INPUT: { exitCode: EXIT.usage },
  GRAPHQL_VALIDATION_FAILED: {
    exitCode: EXIT.usage,
    hint: 'the server may be of another version than this command: `valhalla doctor` compares them',
  },
  GRAPHQL_PARSE_FAILED: { exitCode: EXIT.usage },
  BAD_REQUEST: { exitCode: EXIT.usage },
  PAYLOAD_TOO_LARGE: { exitCode: EXIT.usage },
  IDEMPOTENCY_KEY_REUSED: { exitCode: EXIT.refused },
}

/** A fault that the server answered with. */
export class AnswerFault extends CliFault {
  /** The code of the answer, such as "UNAVAILABLE". */
  readonly code: string

  constructor(error: AnswerError) {
    const code = error.extensions?.code ?? ''
    const { exitCode, hint } = MEANINGS[code] ?? { exitCode: EXIT.fault }
    const wait = error.extensions?.retryAfterSeconds
    super(exitCode, error.message, wait === undefined ? hint : `try again in ${Math.ceil(wait)} s`)
    this.code = code
  }
}

/** The exit code of an answer with top-level errors: that of the first one. */
export function faultOf(errors: readonly AnswerError[]): AnswerFault {
  return new AnswerFault(errors[0] ?? { message: 'the server answered with an error that says nothing' })
}

/** Where each fault of an input is, for whoever sent it; what is returned stands before the message. */
export type Locate = (field: readonly string[] | null) => string

const byField: Locate = (field) => (field ? `${field.filter((part) => part !== 'steps').join('.')}: ` : '')

/** A change that was refused: NOT_FOUND alone is 4, everything else 5. Throws only when there are faults. */
export function refuse(errors: readonly UserError[], locate: Locate = byField): void {
  if (errors.length === 0) return
  const exitCode = errors.every(({ code }) => code === 'NOT_FOUND') ? EXIT.missing : EXIT.refused
  const isStale = errors.some(({ code }) => code === 'STALE_PLAN')
  const lines = errors.map(({ message, field, code }) => `${locate(field)}${message} (${code})`)
  throw new CliFault(exitCode, lines.join('\nerror: '), isStale ? 'plan again, and look at what is different' : undefined)
}
