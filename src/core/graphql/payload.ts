import { type ClassType, Field, Int, ObjectType } from 'type-graphql'
import type { UserErrorData } from '../contract/errors.js'
import type { Command } from '../state/command.js'
import type { RequestContext } from './context.js'
import { capitalized } from './scalars.js'
import { UserError } from './user-error.js'

/** What a write's payload shows of what it did. */
export interface PayloadObject {
  /** Name of the field. */
  readonly field: string
  readonly type: () => object
  readonly description: string
}

/** What a write's payload holds besides its object. */
export interface PayloadBase {
  readonly userErrors: readonly UserErrorData[]
  readonly revision: number | null
}

/** Makes the payload type of a write: its object (null when refused), `userErrors` and `revision`. */
export function payloadOf(operation: string, object: PayloadObject): ClassType<PayloadBase> {
  @ObjectType(`${capitalized(operation)}Payload`, {
    simpleResolvers: true,
    description: `What ${operation} came to.`,
  })
  class Payload {
    @Field(() => [UserError], {
      description: 'What is wrong with the input; empty when it was accepted. With user errors nothing was changed.',
    })
    userErrors!: readonly UserErrorData[]

    @Field(() => Int, {
      nullable: true,
      description: 'The revision that this made; null when nothing had to change or the input was refused.',
    })
    revision!: number | null
  }
  Field(object.type as never, { nullable: true, description: object.description })(Payload.prototype, object.field)
  return Payload
}

/** What a payload is made of. */
export interface Submitted<O> {
  /** The command's value; null when it was refused. */
  readonly value: O | null
  readonly userErrors: readonly UserErrorData[]
  /** The revision that the call made; null when it was refused or nothing had to change. */
  readonly revision: number | null
  /** Whether this is the kept answer to an earlier call with the same idempotency key. */
  readonly isReplay: boolean
}

/** Commits a command for a resolver; the rest of the answer is read from the state that holds the write. */
export async function submit<I extends object, O>(
  context: RequestContext,
  { command, input }: { command: Command<I, O>; input: I & { reason?: string | null; idempotencyKey?: string | null } },
): Promise<Submitted<O>> {
  const { ledger } = context.core
  const outcome = await ledger.commit({
    command,
    input,
    caller: context.caller,
    correlationId: context.requestId,
    reason: input.reason ?? null,
    idempotencyKey: input.idempotencyKey ?? null,
  })
  context.snapshot = ledger.snapshot
  if (!outcome.ok) return { value: null, userErrors: outcome.userErrors, revision: null, isReplay: false }
  return { value: outcome.value, userErrors: [], revision: outcome.revision, isReplay: outcome.isReplay }
}

/** The payload of a submitted command: its value goes under `field`, through `show` where the schema shows something else. */
export function toPayload<O>(field: string, submitted: Submitted<O>, show?: (value: O) => unknown): PayloadBase {
  const { value, userErrors, revision } = submitted
  const shown = value === null || !show ? value : show(value)
  return { [field]: shown, userErrors, revision } as PayloadBase
}
