import { Field, Int, ObjectType } from 'type-graphql'
import { DateTimeISO, URLValue } from '../../../core/graphql/scalars.js'

/** What runs here. The migrations come from field resolvers, as they ask the database. */
@ObjectType('DeploymentProfile', {
  simpleResolvers: true,
  description: 'What runs here, since when, where and on what: of the replica that answers.',
})
export class DeploymentProfile {
  @Field(() => String, { description: 'Name of the service.' })
  service!: string
  @Field(() => String, { description: 'Version of the program, by Semantic Versioning.' })
  version!: string
  @Field(() => String, { description: "The deployment's name, such as production (VALHALLA_ENV)." })
  environment!: string
  @Field(() => String, { nullable: true, description: 'Where it runs, such as eu-west-1 (VALHALLA_REGION).' })
  region!: string | null
  @Field(() => String, { nullable: true, description: 'The commit that it was built from; null when that is not known.' })
  commit!: string | null
  @Field(() => DateTimeISO, { nullable: true, description: 'When it was built; null when it runs from its sources.' })
  builtAt!: Date | null
  @Field(() => DateTimeISO, { description: 'When this process was started.' })
  startedAt!: Date
  @Field(() => Int, { description: 'How long this process has been running, in seconds.' })
  uptimeSeconds!: number
  @Field(() => String, { description: 'Version of Node.js.' })
  nodeVersion!: string
  @Field(() => String, { description: 'Identifies this process among the replicas.' })
  instanceId!: string
  @Field(() => URLValue, { description: 'Where clients reach it: VALHALLA_PUBLIC_URL, or else the address at which this process listens.' })
  baseUrl!: string
  @Field(() => String, { description: 'The database engine: postgresql, or pglite for the embedded one.' })
  databaseEngine!: string
  @Field(() => String, { description: "The database engine's version." })
  databaseVersion!: string
  @Field(() => Int, { description: 'The revision that reads are answered from.' })
  revision!: number
}
