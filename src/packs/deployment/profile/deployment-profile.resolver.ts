import { Ctx, FieldResolver, Query, Resolver, Root } from 'type-graphql'
import type { CoreServices } from '../../../core/contract/core-services.js'
import { Operation } from '../../../core/contract/operation.js'
import type { MigrationReport } from '../../../core/database/database.js'
import { migrationsFolder, readMigrationState, readMigrations } from '../../../core/database/migrate.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { buildInfo } from './build-info.js'
import { DeploymentProfile } from './deployment-profile.types.js'

@Resolver(() => DeploymentProfile)
export class DeploymentProfileResolver {
  readonly #core: CoreServices
  /** What was read for a profile: both lists come from one look. */
  readonly #reports = new WeakMap<DeploymentProfile, Promise<MigrationReport>>()

  constructor(core: CoreServices) {
    this.#core = core
  }

  @Query(() => DeploymentProfile, { description: 'What runs here: version, build, environment, address, database and migrations.' })
  @Operation({ permission: 'deployment:read' })
  deploymentProfile(@Ctx() { snapshot }: RequestContext): DeploymentProfile {
    const { settings, service, clock, database, instanceId } = this.#core
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
  async appliedMigrations(@Root() profile: DeploymentProfile): Promise<readonly string[]> {
    return (await this.#migrationsFor(profile)).applied
  }

  @FieldResolver(() => [String], {
    description: 'Migrations of this build that the database lacks: none, unless it was put back to an earlier state since the start.',
  })
  async pendingMigrations(@Root() profile: DeploymentProfile): Promise<readonly string[]> {
    return (await this.#migrationsFor(profile)).pending
  }

  #migrationsFor(profile: DeploymentProfile): Promise<MigrationReport> {
    const report = this.#reports.get(profile) ?? this.#migrations()
    this.#reports.set(profile, report)
    return report
  }

  async #migrations(): Promise<MigrationReport> {
    const { database, ledger } = this.#core
    if (!ledger.status.isDatabaseReachable) return database.migrations
    return readMigrationState(database.pool, readMigrations(migrationsFolder())).catch(() => database.migrations)
  }
}
