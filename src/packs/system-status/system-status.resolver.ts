import { Arg, Ctx, FieldResolver, ID, Mutation, Query, Resolver } from 'type-graphql'
import type { CoreServices } from '../../core/contract/core-services.js'
import { Operation } from '../../core/contract/operation.js'
import { Change } from '../../core/graphql/change.types.js'
import type { RequestContext } from '../../core/graphql/context.js'
import { lastChangeOf } from '../../core/graphql/history.js'
import { type PayloadBase, toPayload } from '../../core/graphql/payload.js'
import { submit } from '../../core/graphql/submit.js'
import type { ChangeRecord } from '../../core/state/change.js'
import type { Command } from '../../core/state/command.js'
import { countPacks, findPack, type PackCounts, type PackStatusName, SYSTEM_PACKS, type SystemPack } from './pack-registry.js'
import { SYSTEM_METADATA_ID, type SystemMetadata, systemMetadata } from './system-metadata.collection.js'
import { markBackendComplete, markBackendIncomplete, updateSystemVersion } from './system-status.commands.js'
import { MarkBackendCompleteInput, MarkBackendIncompleteInput, UpdateSystemVersionInput } from './system-status.inputs.js'
import {
  MarkBackendCompletePayload,
  MarkBackendIncompletePayload,
  Pack,
  PackStatus,
  PackSummary,
  SystemStatus,
  UpdateSystemVersionPayload,
} from './system-status.types.js'

/** A status and the row it was made from. */
type StatusView = Omit<SystemMetadata, 'id' | 'rowVersion' | 'createdAt'> & Pick<SystemStatus, 'packs' | 'summary' | 'extra' | 'revision'>

@Resolver(() => SystemStatus)
export class SystemStatusResolver {
  readonly #core: CoreServices

  constructor(core: CoreServices) {
    this.#core = core
  }

  @Query(() => SystemStatus, { description: 'How far the system is, and how this replica is doing.' })
  @Operation({ permission: 'status:read', allowedDuring: 'always' })
  systemStatus(@Ctx() context: RequestContext): StatusView {
    const row = context.snapshot.view(systemMetadata).get(SYSTEM_METADATA_ID)
    if (!row) throw new Error('the system status was not initialised at the start')
    return this.#view(row, context)
  }

  @Query(() => PackSummary, { description: 'The packs, counted. The lightest query there is: it asks neither database nor state.' })
  @Operation({ permission: 'status:summary', allowedDuring: 'always' })
  systemSummary(): PackCounts {
    return countPacks()
  }

  @Query(() => [Pack], { description: 'The packs of the system, H to W.' })
  @Operation({ permission: 'status:read' })
  packs(
    @Arg('status', () => PackStatus, { nullable: true, description: 'Only those of this status.' }) status?: PackStatusName | null,
  ): readonly SystemPack[] {
    return status ? SYSTEM_PACKS.filter((pack) => pack.status === status) : SYSTEM_PACKS
  }

  @Query(() => Pack, { nullable: true, description: 'One pack; null when there is none of that id.' })
  @Operation({ permission: 'status:read' })
  pack(@Arg('id', () => ID, { description: "The pack's letter; upper or lower case does not matter." }) id: string): SystemPack | null {
    return findPack(id)
  }

  @Mutation(() => MarkBackendCompletePayload, {
    description: 'Marks the backend as complete and stamps the time. Marked twice, it keeps the first time.',
  })
  @Operation({ permission: 'status:write', writes: true })
  markBackendComplete(
    @Ctx() context: RequestContext,
    @Arg('input', () => MarkBackendCompleteInput, { nullable: true, description: 'Notes, if any.' })
    input?: MarkBackendCompleteInput | null,
  ): Promise<PayloadBase> {
    return this.#submit(context, markBackendComplete, input ?? {})
  }

  @Mutation(() => MarkBackendIncompletePayload, { description: 'Takes the completion back and clears its time.' })
  @Operation({ permission: 'status:write', writes: true })
  markBackendIncomplete(
    @Ctx() context: RequestContext,
    @Arg('input', () => MarkBackendIncompleteInput, { nullable: true, description: 'Notes, if any.' })
    input?: MarkBackendIncompleteInput | null,
  ): Promise<PayloadBase> {
    return this.#submit(context, markBackendIncomplete, input ?? {})
  }

  @Mutation(() => UpdateSystemVersionPayload, { description: "Raises the system's version." })
  @Operation({ permission: 'status:write', writes: true })
  updateSystemVersion(
    @Ctx() context: RequestContext,
    @Arg('input', () => UpdateSystemVersionInput, { description: 'The new version, and notes if any.' }) input: UpdateSystemVersionInput,
  ): Promise<PayloadBase> {
    return this.#submit(context, updateSystemVersion, input)
  }

  @FieldResolver(() => Change, { nullable: true, description: 'The newest change of the status.' })
  lastChange(@Ctx() context: RequestContext): Promise<ChangeRecord | null> {
    return lastChangeOf(context, systemMetadata, { id: SYSTEM_METADATA_ID })
  }

  async #submit<I extends object>(context: RequestContext, command: Command<I, SystemMetadata>, input: I): Promise<PayloadBase> {
    const submitted = await submit(this.#core.ledger, context, { command, input })
    return toPayload('systemStatus', submitted, (row) => this.#view(row, context))
  }

  #view(row: SystemMetadata, { snapshot }: RequestContext): StatusView {
    const { isDatabaseReachable, snapshotAgeMs, revisionLag } = this.#core.ledger.status
    const extra = {
      snapshotAgeSeconds: Math.round(snapshotAgeMs) / 1000,
      isDatabaseReachable,
      databaseEngine: this.#core.database.engine,
      replicaId: this.#core.instanceId,
      revisionLag,
    }
    const { version, backendComplete, completedAt, notes, updatedAt } = row
    return {
      version,
      backendComplete,
      completedAt,
      notes,
      updatedAt,
      packs: SYSTEM_PACKS,
      summary: countPacks(),
      extra,
      revision: snapshot.revision,
    }
  }
}
