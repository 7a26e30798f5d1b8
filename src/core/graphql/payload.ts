import { type ClassType, Field, Int, ObjectType } from 'type-graphql'
import type { UserErrorData } from '../contract/errors.js'
import type { Submitted } from './submit.js'
import { UserError } from './user-error.js'

/** What a write's payload holds besides its object. */
export interface PayloadBase {
  readonly userErrors: readonly UserErrorData[]
  readonly revision: number | null
}

/** Makes the payload type of a write: its object (null when refused), `userErrors` and `revision`. */
export function payloadOf<F extends string>(
  operation: string,
  object: { readonly field: F; readonly type: () => object; readonly description: string },
): ClassType<PayloadBase & { readonly [K in F]: unknown }> {
  @ObjectType(`${operation.charAt(0).toUpperCase()}${operation.slice(1)}Payload`, {
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
  return Payload as unknown as ClassType<PayloadBase & { readonly [K in F]: unknown }>
}

/** The payload of a submitted command: its value goes under `field`, through `map` where the schema shows something else. */
export function toPayload<F extends string, O, V = O>(
  field: F,
  submitted: Submitted<O>,
  map?: (value: O) => V,
): PayloadBase & { readonly [K in F]: O | V | null } {
  const { value, userErrors, revision } = submitted
  const shown = value === null || !map ? value : map(value)
  return { [field]: shown, userErrors, revision } as PayloadBase & { readonly [K in F]: O | V | null }
}
