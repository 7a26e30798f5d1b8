import { Field, Float, ID, Int, ObjectType } from 'type-graphql'
import { editedType } from '../../core/graphql/bases.js'
import { connectionOf } from '../../core/graphql/connection.js'
import { enumType, JSONValue } from '../../core/graphql/scalars.js'
import type { Json } from '../../core/values/json.js'
import type { ConstraintOperator, EvaluationReason } from './evaluation/evaluation.js'

/** The GraphQL enum of constraint operators. */
export const ConstraintOperators = enumType<ConstraintOperator>(
  'ConstraintOperator',
  "How a constraint compares, as in Unleash's client specification. A value that cannot be read as asked never matches.",
  {
    IN: 'The field is one of the values.',
    NOT_IN: 'The field is none of the values, or missing.',
    STR_STARTS_WITH: 'The field begins with one of the values.',
    STR_ENDS_WITH: 'The field ends with one of the values.',
    STR_CONTAINS: 'The field holds one of the values.',
    NUM_EQ: 'The field is a number equal to the value.',
    NUM_GT: 'The field is a number above the value.',
    NUM_GTE: 'The field is a number at or above the value.',
    NUM_LT: 'The field is a number below the value.',
    NUM_LTE: 'The field is a number at or below the value.',
    DATE_AFTER: 'The field is a date-time after the value.',
    DATE_BEFORE: 'The field is a date-time before the value.',
    SEMVER_EQ: 'The field is a version of the same precedence as the value.',
    SEMVER_GT: 'The field is a version above the value.',
    SEMVER_LT: 'The field is a version below the value.',
  },
)

/** The GraphQL enum of evaluation reasons. */
export const EvaluationReasons = enumType<EvaluationReason>(
  'EvaluationReason',
  "Why an evaluation came out as it did, in OpenFeature's words.",
  {
    STATIC: 'The flag is on for everybody.',
    TARGETING_MATCH: 'A strategy matched the caller.',
    SPLIT: 'A rollout or a draw among variants decided.',
    DISABLED: 'The flag is switched off.',
    DEFAULT: 'There is no such flag (your default holds), or no strategy matched (off).',
    ERROR: 'The evaluation failed; your default holds.',
  },
)

/** One condition of a strategy. */
@ObjectType('FlagConstraint', { simpleResolvers: true, description: 'One condition on one field of the evaluation context.' })
export class FlagConstraintType {
  @Field(() => String, { description: 'The context field.' })
  contextField!: string
  @Field(() => ConstraintOperators, { description: 'How the field is compared.' })
  operator!: ConstraintOperator
  @Field(() => [String], { description: 'What it is compared with.' })
  values!: readonly string[]
  @Field(() => Boolean, { description: 'Whether the answer is turned round.' })
  isInverted!: boolean
  @Field(() => Boolean, { description: 'Whether letter case is ignored (STR_* only).' })
  isCaseInsensitive!: boolean
}

/** One strategy of a flag. */
@ObjectType('FlagStrategy', {
  simpleResolvers: true,
  description: 'Lets a caller in when all of its constraints hold and its rollout takes the caller.',
})
export class FlagStrategyType {
  @Field(() => [FlagConstraintType], { description: 'All of them must hold.' })
  constraints!: readonly FlagConstraintType[]
  @Field(() => Float, { description: 'Share of callers that it lets in, 0 to 100.' })
  rolloutPercent!: number
  @Field(() => String, { description: 'What keeps a caller in or out: "default", "random", or a context field.' })
  stickiness!: string
  @Field(() => String, { nullable: true, description: "Strategies of the same group id take the same callers; null: the flag's key." })
  groupId!: string | null
}

/** One variant of a flag. */
@ObjectType('FlagVariant', { simpleResolvers: true, description: 'One of several shapes that a flag can take.' })
export class FlagVariantType {
  @Field(() => String, { description: 'Its name.' })
  name!: string
  @Field(() => Int, { description: 'Its share among the weights of all variants.' })
  weight!: number
  @Field(() => JSONValue, { nullable: true, description: 'What the application gets with it.' })
  value!: Json
}

/** A flag as it is shown. */
@ObjectType('FeatureFlag', {
  simpleResolvers: true,
  description: 'A switch that applications ask about, to turn things on and off without a deployment.',
})
export class FeatureFlag extends editedType() {
  @Field(() => ID, { description: 'Identifies this flag, also in the change log.' })
  id!: string
  @Field(() => String, { description: 'The name that applications ask for.' })
  key!: string
  @Field(() => String, { description: 'The domain that it belongs to.' })
  group!: string
  @Field(() => String, { nullable: true, description: 'What it is for.' })
  description!: string | null
  @Field(() => Boolean, { description: 'The main switch: off means off for everybody.' })
  isEnabled!: boolean
  @Field(() => [FlagStrategyType], { description: 'Whom it is on for, as alternatives; none: everybody.' })
  strategies!: readonly FlagStrategyType[]
  @Field(() => [FlagVariantType], { description: 'The shapes that it can take.' })
  variants!: readonly FlagVariantType[]
}

/** How a list of flags is sorted. */
export type FlagOrder = 'KEY' | 'GROUP' | 'UPDATED_AT_DESC' | 'LAST_EVALUATED_AT_ASC'

/** The GraphQL enum of orders of flags. */
export const FlagOrders = enumType<FlagOrder>('FeatureFlagOrder', 'How a list of flags is sorted.', {
  KEY: 'In the order of their keys.',
  GROUP: 'By group, then by key.',
  UPDATED_AT_DESC: 'Those that were changed last first.',
  LAST_EVALUATED_AT_ASC: 'Those that nobody ever asked for first, then by the minute in which somebody last did: what can be tidied up.',
})

/** A page of flags. */
export const FeatureFlagConnection = connectionOf(FeatureFlag, 'FeatureFlag')

/** The outcome of an evaluation. */
@ObjectType('FlagEvaluation', { simpleResolvers: true, description: 'Whether a flag is on for a caller, and why.' })
export class FlagEvaluation {
  @Field(() => String, { description: 'The flag that was asked for.' })
  key!: string
  @Field(() => Boolean, { description: 'Whether it is on.' })
  isEnabled!: boolean
  @Field(() => EvaluationReasons, { description: 'Why, to branch on.' })
  reason!: EvaluationReason
  @Field(() => String, { nullable: true, description: 'The variant that was drawn; null when it is off or has none.' })
  variant!: string | null
  @Field(() => JSONValue, { nullable: true, description: "The drawn variant's value." })
  value!: Json
  @Field(() => Int, { description: 'The revision that it was decided on.' })
  revision!: number
  @Field(() => String, {
    description: 'Why, in a sentence for a person; which of the rules decided is told only to those with the permission flags:explain.',
  })
  explanation!: string
}
