import { Field, ID, InputType, Int, ObjectType } from 'type-graphql'
import type { MaintenanceModeName } from '../../core/contract/operation.js'
import { MaintenanceModes } from '../../core/graphql/maintenance-mode.js'
import { enumType } from '../../core/graphql/scalars.js'

/** Kinds of operations. */
export type OperationKindName = 'QUERY' | 'MUTATION' | 'SUBSCRIPTION'

/** The GraphQL enum of kinds. */
export const OperationKinds = enumType<OperationKindName>('OperationKind', 'How an operation is called.', {
  QUERY: 'It reads.',
  MUTATION: 'It does something.',
  SUBSCRIPTION: 'It tells as things happen, over a WebSocket.',
})

/** One argument of an operation. */
@ObjectType('OperationArgument', { simpleResolvers: true, description: 'One argument of an operation.' })
export class OperationArgument {
  @Field(() => String, { description: 'Its name.' })
  name!: string
  @Field(() => String, { description: 'Its type, as GraphQL writes it, such as "SetConfigInput!".' })
  type!: string
  @Field(() => String, { nullable: true, description: 'What it is for.' })
  description!: string | null
  @Field(() => Boolean, { description: 'Whether it has to be given.' })
  isRequired!: boolean
  @Field(() => String, { nullable: true, description: 'What holds when it is left out, as GraphQL writes it.' })
  defaultValue!: string | null
}

/** One operation of the control plane. */
@ObjectType('Operation', {
  simpleResolvers: true,
  description: 'One operation of this control plane: what introspection says of it, and what introspection cannot say.',
})
export class OperationEntry {
  @Field(() => ID, { description: 'Kind and name, such as "QUERY:config".' })
  id!: string
  @Field(() => String, { description: 'The field to call.' })
  name!: string
  @Field(() => OperationKinds, { description: 'How it is called.' })
  kind!: OperationKindName
  @Field(() => ID, { description: 'The pack that it belongs to, such as "TZ".' })
  pack!: string
  @Field(() => String, { description: 'What it does.' })
  description!: string
  @Field(() => [OperationArgument], { description: 'What it takes.' })
  arguments!: readonly OperationArgument[]
  @Field(() => String, { description: 'The type that it answers, as GraphQL writes it.' })
  returns!: string
  @Field(() => String, { nullable: true, description: 'The permission that it needs; null: any valid key.' })
  permission!: string | null
  @Field(() => Boolean, { description: 'Whether it can change something.' })
  writes!: boolean
  @Field(() => [MaintenanceModes], {
    description:
      'In which maintenance modes it is answered. Reading is answered to OPERATOR, ADMIN and HEIMDALL clients in MAINTENANCE too.',
  })
  allowedDuring!: readonly MaintenanceModeName[]
  @Field(() => Int, { description: 'What one call takes from a rate limit, besides one for every 100 objects that it can answer.' })
  cost!: number
  @Field(() => Boolean, { description: 'Whether it will go away.' })
  isDeprecated!: boolean
  @Field(() => String, { nullable: true, description: 'Why it will go away, and what to use instead.' })
  deprecationReason!: string | null
  @Field(() => Boolean, { description: 'Whether your key has the permission.' })
  callableByMe!: boolean
  @Field(() => String, { description: 'A document that runs as it stands. Paste it, look, then change it.' })
  sample!: string
}

/** Filter of operations. */
@InputType('OperationFilter', { description: 'Which operations are meant; what is left out does not matter.' })
export class OperationFilter {
  @Field(() => OperationKinds, { nullable: true, description: 'Of this kind.' })
  kind?: OperationKindName | null
  @Field(() => ID, { nullable: true, description: 'Of this pack, such as "UA".' })
  pack?: string | null
  @Field(() => String, { nullable: true, description: 'Whose name or description holds this text, whatever the letter case.' })
  search?: string | null
  @Field(() => Boolean, { nullable: true, description: 'That your key may call (true) or may not (false).' })
  callableByMe?: boolean | null
  @Field(() => Boolean, { nullable: true, defaultValue: false, description: 'true: also those that will go away.' })
  includeDeprecated?: boolean | null
}
