import { Field, InputType, Int } from 'type-graphql'
import { editInput } from '../../../core/graphql/bases.js'
import { JSONValue } from '../../../core/graphql/scalars.js'
import type { Json } from '../../../core/values/json.js'
import type { SmokeCheckKind } from './smoke-check.collection.js'
import { SmokeCheckKinds } from './smoke-check.types.js'

/** Input of setSmokeCheck. */
@InputType('SetSmokeCheckInput', { description: 'Adds a check to the smoke test, or changes one. What is left out stays as it is.' })
export class SetSmokeCheckInput extends editInput('check', { mayBeNew: true }) {
  @Field(() => String, {
    description: 'The name: a-z and 0-9 first, then also . _ -, at most 100 characters. Not one of a built-in check.',
  })
  name!: string
  @Field(() => SmokeCheckKinds, { description: 'What it does: HTTP or GRAPHQL.' })
  kind!: SmokeCheckKind
  @Field(() => String, {
    nullable: true,
    description: 'The path behind the base URL, with its query if any; begins with one slash. HTTP needs one; GRAPHQL: null is "/graphql".',
  })
  path?: string | null
  @Field(() => String, {
    nullable: true,
    description: 'For GRAPHQL: a document with one query that needs no variables; no mutations or subscriptions.',
  })
  query?: string | null
  @Field(() => Int, { nullable: true, description: 'The HTTP status that has to come back, 100 to 599; null: 200.' })
  expectStatus?: number | null
  @Field(() => JSONValue, {
    nullable: true,
    description:
      "What the answer's JSON has to hold, up to 16 KiB: of an object at least these members, of an array exactly these items; null: the body does not matter.",
  })
  expectBody?: Json
  @Field(() => Int, {
    nullable: true,
    description: 'The longest time that the answer may take, 1 to 60000 milliseconds; null: no limit but the timeout of 5 s.',
  })
  maxLatencyMs?: number | null
  @Field(() => Boolean, { nullable: true, description: 'Whether a run fails when this check fails; a new check: true.' })
  isBlocking?: boolean | null
  @Field(() => Boolean, { nullable: true, description: 'Whether runs include it; a new check: true.' })
  isEnabled?: boolean | null
}
