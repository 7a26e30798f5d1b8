import { Ctx, FieldResolver, Query, Resolver } from 'type-graphql'
import { Operation } from '../../../core/contract/operation.js'
import type { MigrationReport } from '../../../core/database/migrate.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { buildInfo } from './build-info.js'
import { DeploymentProfile } from './deployment-profile.types.js'

/** To see what runs here. */
export const DEPLOYMENT_READ = 'deployment:read'

@Resolver(() => DeploymentProfile)
export class DeploymentProfileResolver {
  @Query(() => DeploymentProfile, { description: 'What runs here: version, build, environment, address, database and migrations.' })
  @Operation({ permission: DEPLOYMENT_READ })
  deploymentProfile(@Ctx() { core, snapshot }: RequestContext): DeploymentProfile {
    const { settings, service, clock, database, instanceId } = core
    const { name, version, commit, builtAt } = buildInfo()
    const { startedAt } = service
    return {
      service: name,
      version,
      environment: settings.environmentName,
      region: settings.region ?? null,
      commit,
      builtAt,
      startedAt,
      uptimeSeconds: Math.max(0, Math.floor((clock.now().getTime() - startedAt.getTime()) / 1000)),
      nodeVersion: process.versions.node,
      instanceId,
      baseUrl: settings.publicUrl ?? service.door.url,
      databaseEngine: database.engine,
      databaseVersion: database.version,
      revision: snapshot.revision,
    }
  }

  @FieldResolver(() => [String], {
    description: 'Migrations that the database has, in their order. While it is away: those it had at the start.',
  })
  async appliedMigrations(@Ctx() context: RequestContext): Promise<readonly string[]> {
    return (await context.once(migrations)).applied
  }

  @FieldResolver(() => [String], {
    description: 'Migrations of this build that the database lacks: none, unless it was put back to an earlier state since the start.',
  })
  async pendingMigrations(@Ctx() context: RequestContext): Promise<readonly string[]> {
    return (await context.once(migrations)).pending
  }
}

/** Where the migrations stand: both lists of an answer come from one look. */
async function migrations({ core: { database, ledger } }: RequestContext): Promise<MigrationReport> {
  if (!ledger.status.isDatabaseReachable) return database.migrations
  return database.readMigrations().catch(() => database.migrations)
}
