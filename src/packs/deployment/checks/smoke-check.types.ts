import { Field, ID, Int, ObjectType } from 'type-graphql'
import { enumType, JSONValue } from '../../../core/graphql/scalars.js'
import type { Json } from '../../../core/values/json.js'
import type { BuiltInCheck } from '../probes/built-in-checks.js'
import type { SmokeCheckKind, SmokeCheckRecord, SmokeCheckSpec } from './smoke-check.collection.js'

/** The GraphQL enum of check kinds. */
export const SmokeCheckKinds = enumType<SmokeCheckKind>('SmokeCheckKind', 'What a check of a smoke test does.', {
  HTTP: 'Asks a path with GET, without a key.',
  GRAPHQL:
    'Sends a query, with a key of the run that may do just what the query needs. Fails on GraphQL errors, too, unless expectStatus is not 200 or expectBody speaks of `errors`.',
  PROCESS: 'Looks at the process that runs the test. Built-in checks only.',
})

/** One check. */
@ObjectType('SmokeCheck', { simpleResolvers: true, description: 'One check of the smoke test: what is asked, and what has to come back.' })
export class SmokeCheck implements SmokeCheckSpec {
  @Field(() => ID, { description: 'Identifies the check; built-in ones have ids that begin with "built-in:".' })
  id!: string
  @Field(() => String, { description: 'Its name, unique among all checks.' })
  name!: string
  @Field(() => SmokeCheckKinds, { description: 'What it does.' })
  kind!: SmokeCheckKind
  @Field(() => String, { description: 'The path behind the base URL; empty for a PROCESS check.' })
  path!: string
  @Field(() => String, { nullable: true, description: 'The document that a GRAPHQL check sends.' })
  query!: string | null
  @Field(() => Int, { description: 'The HTTP status that has to come back.' })
  expectStatus!: number
  @Field(() => JSONValue, {
    nullable: true,
    description:
      "What the answer's JSON has to hold: of an object the members given here, of an array exactly these items. null: the body does not matter.",
  })
  expectBody!: Json
  @Field(() => Int, { nullable: true, description: 'The longest time that the answer may take, in milliseconds.' })
  maxLatencyMs!: number | null
  @Field(() => Boolean, { description: 'Whether a run fails when this check fails.' })
  isBlocking!: boolean
  @Field(() => Boolean, { description: 'Whether it comes with the control plane; such a check cannot be set or deleted.' })
  isBuiltIn!: boolean
  @Field(() => Boolean, { description: 'Whether runs include it.' })
  isEnabled!: boolean
  @Field(() => Int, { description: 'Counts its edits, from 1; pass it as expectedVersion to guard an update. 0 for a built-in check.' })
  version!: number
}

/** A check that somebody has added, as the schema shows it. */
export function customCheckView(record: SmokeCheckRecord): SmokeCheck {
  return { ...record, isBuiltIn: false }
}

/** A built-in check, as the schema shows it. */
export function builtInCheckView({
  name,
  kind,
  path,
  query,
  expectStatus,
  expectBody,
  maxLatencyMs,
  isBlocking,
}: BuiltInCheck): SmokeCheck {
  const spec = { name, kind, path, query, expectStatus, expectBody, maxLatencyMs, isBlocking }
  return { ...spec, id: `built-in:${name}`, isBuiltIn: true, isEnabled: true, version: 0 }
}
