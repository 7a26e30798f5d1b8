import { Field, Float, InputType, Int } from 'type-graphql'
import { editInput } from '../../core/graphql/bases.js'
import { DateTimeISO, JSONValue } from '../../core/graphql/scalars.js'
import type { Json, JsonObject } from '../../core/values/json.js'
import type { ConstraintOperator } from './evaluation/evaluation.js'
import { ConstraintOperators } from './feature-flag.types.js'

/** Input of one constraint. */
@InputType('FlagConstraintInput', { description: 'One condition on one field of the evaluation context.' })
export class FlagConstraintInput {
  @Field(() => String, {
    description:
      'The context field: userId, sessionId, targetingKey, remoteAddress, environment, appName, currentTime, or a name in `properties`.',
  })
  contextField!: string
  @Field(() => ConstraintOperators, { description: 'How the field is compared.' })
  operator!: ConstraintOperator
  @Field(() => [String], {
    description: 'What it is compared with: any number of values for IN, NOT_IN and STR_*, exactly one for the others.',
  })
  values!: string[]
  @Field(() => Boolean, { nullable: true, defaultValue: false, description: 'Turns the answer round.' })
  isInverted?: boolean | null
  @Field(() => Boolean, { nullable: true, defaultValue: false, description: 'Ignores letter case (STR_* only).' })
  isCaseInsensitive?: boolean | null
}

/** Input of one strategy. */
@InputType('FlagStrategyInput', {
  description: 'Lets a caller in when all constraints hold and the rollout takes the caller. Several strategies are alternatives.',
})
export class FlagStrategyInput {
  @Field(() => [FlagConstraintInput], { nullable: true, defaultValue: [], description: 'All of them must hold; none: everybody passes.' })
  constraints?: FlagConstraintInput[] | null
  @Field(() => Float, { nullable: true, defaultValue: 100, description: 'Share of callers to let in, 0 to 100, at most two decimals.' })
  rolloutPercent?: number | null
  @Field(() => String, {
    nullable: true,
    defaultValue: 'default',
    description:
      'What keeps a caller in or out: "default" (userId, then targetingKey, then sessionId, else random), "random", or a context field.',
  })
  stickiness?: string | null
  @Field(() => String, { nullable: true, description: "Strategies of the same group id take the same callers; left out: the flag's key." })
  groupId?: string | null
}

/** Input of one variant. */
@InputType('FlagVariantInput', { description: 'One of several shapes that a flag can take for those it is on for.' })
export class FlagVariantInput {
  @Field(() => String, { description: 'Its name, unique within the flag.' })
  name!: string
  @Field(() => Int, { description: 'Its share among the weights of all variants, 0 to 1000.' })
  weight!: number
  @Field(() => JSONValue, { nullable: true, description: 'What the application gets with it: any JSON up to 16 KiB.' })
  value?: Json
}

/** Input of setFeatureFlag. */
@InputType('SetFeatureFlagInput', {
  description: 'Makes a flag or changes it. What is left out stays as it is (new flags: on for everybody, group "default").',
})
export class SetFeatureFlagInput extends editInput('flag', { mayBeNew: true }) {
  @Field(() => String, { description: 'The key: a-z and 0-9 first, then also . _ / -, at most 200 characters.' })
  key!: string
  @Field(() => Boolean, { nullable: true, description: 'The main switch: off means off for everybody.' })
  isEnabled?: boolean | null
  @Field(() => String, { nullable: true, description: 'Groups flags by domain; null: "default".' })
  group?: string | null
  @Field(() => String, { nullable: true, description: 'What it is for; null clears it.' })
  description?: string | null
  @Field(() => [FlagStrategyInput], {
    nullable: true,
    description: 'Whom it is on for, as alternatives; null or []: everybody. Replaces all strategies.',
  })
  strategies?: FlagStrategyInput[] | null
  @Field(() => [FlagVariantInput], { nullable: true, description: 'Its shapes; null or []: none. Replaces all variants.' })
  variants?: FlagVariantInput[] | null
}

/** Filter of featureFlags. */
@InputType('FeatureFlagFilter', { description: 'Which flags are meant; what is left out does not matter.' })
export class FeatureFlagFilter {
  @Field(() => [String], { nullable: true, description: 'With one of these keys, at most 1,000; those that do not exist are left out.' })
  keys?: string[] | null
  @Field(() => String, { nullable: true, description: 'Whose key begins with this.' })
  prefix?: string | null
  @Field(() => String, { nullable: true, description: 'Of this group.' })
  group?: string | null
  @Field(() => Boolean, { nullable: true, description: 'Whose main switch is on (true) or off (false).' })
  isEnabled?: boolean | null
  @Field(() => String, { nullable: true, description: 'Whose key or description holds this text, whatever the letter case.' })
  search?: string | null
  @Field(() => DateTimeISO, { nullable: true, description: 'Which nobody has asked for since then, or ever.' })
  unusedSince?: Date | null
}

/** Input of an evaluation. */
@InputType('EvaluationContextInput', {
  description: 'Who asks, and from where. Constraints and stickiness read it; all of it is optional.',
})
export class EvaluationContextInput {
  @Field(() => String, { nullable: true, description: "OpenFeature's targeting key." })
  targetingKey?: string | null
  @Field(() => String, { nullable: true, description: 'The user.' })
  userId?: string | null
  @Field(() => String, { nullable: true, description: 'The session.' })
  sessionId?: string | null
  @Field(() => String, { nullable: true, description: "The end user's IP address." })
  remoteAddress?: string | null
  @Field(() => String, { nullable: true, description: 'The environment, such as "production".' })
  environment?: string | null
  @Field(() => String, { nullable: true, description: 'The application.' })
  appName?: string | null
  @Field(() => DateTimeISO, { nullable: true, description: 'The time that DATE_* operators compare with; left out: now.' })
  currentTime?: Date | null
  @Field(() => JSONValue, { nullable: true, description: 'Fields of your own, as an object of texts, numbers and booleans.' })
  properties?: JsonObject | null
}
