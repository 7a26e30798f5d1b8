import { Field, ID, Int, ObjectType } from 'type-graphql'
import { DateTimeISO, enumType, JSONValue, SemVer } from '../../core/graphql/scalars.js'
import type { JsonObject } from '../../core/values/json.js'

/** Whether a pack of the wider system is there. */
export type PackStatusName = 'INSTALLED' | 'PENDING' | 'DEPRECATED' | 'EXPERIMENTAL'

/** The GraphQL enum of pack statuses. */
export const PackStatus = enumType<PackStatusName>('PackStatus', 'Whether a pack of the system is there.', {
  INSTALLED: 'It is there and in use.',
  PENDING: 'It is planned.',
  DEPRECATED: 'It is there, and will go.',
  EXPERIMENTAL: 'It is there to be tried.',
})

/** One pack of the wider system. */
@ObjectType('Pack', { simpleResolvers: true, description: 'One of the sixteen packs of the system, H to W.' })
export class Pack {
  @Field(() => ID, { description: 'Its letter, such as "W".' })
  id!: string
  @Field(() => String, { description: 'Its name.' })
  name!: string
  @Field(() => PackStatus, { description: 'Whether it is there.' })
  status!: PackStatusName
}

/** Counts of packs by status. */
@ObjectType('PackSummary', { simpleResolvers: true, description: 'How many packs there are. Answered without the database.' })
export class PackSummary {
  @Field(() => Int, { description: 'All packs.' })
  totalPacks!: number
  @Field(() => Int, { description: 'Packs that are INSTALLED.' })
  installedPacks!: number
  @Field(() => Int, { description: 'Packs that are PENDING.' })
  pendingPacks!: number
  @Field(() => Int, { description: 'Packs that are DEPRECATED.' })
  deprecatedPacks!: number
  @Field(() => Int, { description: 'Packs that are EXPERIMENTAL.' })
  experimentalPacks!: number
  @Field(() => String, { description: 'What the packs make up.' })
  description!: string
}

/** The whole status. */
@ObjectType('SystemStatus', {
  simpleResolvers: true,
  description: 'How far the system is: version, completion, packs, and the health of this replica.',
})
export class SystemStatus {
  @Field(() => SemVer, { description: "The system's version." })
  version!: string
  @Field(() => Boolean, { description: 'Whether the backend was marked as complete.' })
  backendComplete!: boolean
  @Field(() => DateTimeISO, { nullable: true, description: 'Since when it is complete; null while it is not.' })
  completedAt!: Date | null
  @Field(() => String, { nullable: true, description: 'Notes of whoever changed the status last.' })
  notes!: string | null
  @Field(() => DateTimeISO, { description: 'When the status was last changed.' })
  updatedAt!: Date
  @Field(() => [Pack], { description: 'The sixteen packs.' })
  packs!: readonly Pack[]
  @Field(() => PackSummary, { description: 'The packs, counted.' })
  summary!: PackSummary
  @Field(() => JSONValue, {
    description:
      'Health of the replica that answers: `snapshotAgeSeconds` (how old its state may be), `isDatabaseReachable`, `databaseEngine`, `replicaId`, `revisionLag` (revisions it is known to be behind). Empty for those who lack the permission status:read.',
  })
  extra!: JsonObject
  @Field(() => Int, { description: 'The revision that this answer was read from.' })
  revision!: number
}
