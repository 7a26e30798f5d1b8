import { Field, InputType, ObjectType } from 'type-graphql'
import type { UserErrorData } from '../../../core/contract/errors.js'
import { connectionOf } from '../../../core/graphql/connection.js'
import { URLValue } from '../../../core/graphql/scalars.js'
import { UserError } from '../../../core/graphql/user-error.js'
import type { RunRequest } from './run-selection.js'
import { SmokeTestRun } from './smoke-test.types.js'

/** A page of runs. */
export const SmokeTestRunConnection = connectionOf(SmokeTestRun, 'SmokeTestRun')

/** Input of runSmokeTest. */
@InputType('RunSmokeTestInput', { description: 'Where to probe, and with which checks.' })
export class RunSmokeTestInput implements RunRequest {
  @Field(() => URLValue, {
    nullable: true,
    description:
      "Where to probe: this service's own address or public URL, or an origin that the operator allowed in SMOKE_ALLOWED_ORIGINS. Left out: the address at which the answering replica listens.",
  })
  baseUrl?: URL | null
  @Field(() => [String], { nullable: true, description: 'Only the checks of these names; left out: all that are enabled.' })
  checks?: string[] | null
  @Field(() => Boolean, {
    nullable: true,
    defaultValue: true,
    description: 'false: answer with the run that is under way; smokeTestProgress and smokeTestRuns then tell how it goes on.',
  })
  wait?: boolean | null
}

/** What runSmokeTest came to. */
@ObjectType('RunSmokeTestPayload', { simpleResolvers: true, description: 'What runSmokeTest came to.' })
export class RunSmokeTestPayload {
  @Field(() => SmokeTestRun, {
    nullable: true,
    description: 'The run, whether it is ok or not: finished, or with `wait: false` under way. Null when there are user errors.',
  })
  run!: SmokeTestRun | null
  @Field(() => [UserError], { description: 'What is wrong with the input; with user errors nothing was probed.' })
  userErrors!: readonly UserErrorData[]
}
