import { Field, Float, ID, Int, ObjectType } from 'type-graphql'
import { Actor } from '../../../core/graphql/change.types.js'
import { DateTimeISO, enumType, URLValue } from '../../../core/graphql/scalars.js'

/** How a check ended. */
export type SmokeCheckStatus = 'PASSED' | 'FAILED' | 'SKIPPED'

/** The GraphQL enum of check statuses. */
export const SmokeCheckStatuses = enumType<SmokeCheckStatus>('SmokeCheckStatus', 'How a check of a smoke test ended.', {
  PASSED: 'Everything that it asserts held.',
  FAILED: 'Something did not hold; `error` says what.',
  SKIPPED: 'It was not run; `error` says why.',
})

/** What one check found. */
@ObjectType('SmokeCheckResult', { simpleResolvers: true, description: 'What one check of a smoke test found.' })
export class SmokeCheckResult {
  @Field(() => String, { description: 'The check.' })
  name!: string
  @Field(() => SmokeCheckStatuses, { description: 'How it ended.' })
  status!: SmokeCheckStatus
  @Field(() => Boolean, { description: 'Whether the run fails when this check fails.' })
  isBlocking!: boolean
  @Field(() => Int, { nullable: true, description: 'HTTP status of the answer; null when there was none.' })
  statusCode!: number | null
  @Field(() => Float, { nullable: true, description: 'How long it took, in milliseconds.' })
  latencyMs!: number | null
  @Field(() => String, { nullable: true, description: 'What failed, and what to do about it. Never the body of an answer.' })
  error!: string | null
}

/** One run. */
@ObjectType('SmokeTestRun', { simpleResolvers: true, description: 'One probe of the running service, from outside in.' })
export class SmokeTestRun {
  @Field(() => ID, { description: 'Identifies the run.' })
  id!: string
  @Field(() => URLValue, { description: 'What was probed.' })
  baseUrl!: string
  @Field(() => Boolean, { description: 'Whether no blocking check failed.' })
  isOk!: boolean
  @Field(() => DateTimeISO, { description: 'When it began.' })
  startedAt!: Date
  @Field(() => DateTimeISO, { nullable: true, description: 'When it ended; null while it is under way.' })
  finishedAt!: Date | null
  @Field(() => Float, { nullable: true, description: 'How long it took, in milliseconds; null while it is under way.' })
  durationMs!: number | null
  @Field(() => [SmokeCheckResult], { description: 'What each check found, in the order in which they ended.' })
  results!: readonly SmokeCheckResult[]
  @Field(() => Actor, { nullable: true, description: 'Who started it.' })
  triggeredBy!: Actor | null
}
