import { Arg, Args, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql'
import type { CoreServices } from '../../core/contract/core-services.js'
import { Operation } from '../../core/contract/operation.js'
import { Change, ChangeConnection } from '../../core/graphql/change.types.js'
import { type Page, PageArgs, pageOfView } from '../../core/graphql/connection.js'
import type { RequestContext } from '../../core/graphql/context.js'
import { historyOf, lastChangeOf } from '../../core/graphql/history.js'
import { type PayloadBase, toPayload } from '../../core/graphql/payload.js'
import { submit } from '../../core/graphql/submit.js'
import type { ChangeRecord } from '../../core/state/change.js'
import type { Command } from '../../core/state/command.js'
import { type ConfigEntryRecord, configEntries } from './config-entry.collection.js'
import { createSetConfig, deleteConfig, unlockConfig } from './config-entry.commands.js'
import { ConfigFilter, DeleteConfigInput, SetConfigInput, UnlockConfigInput } from './config-entry.inputs.js'
import { ConfigEntry, ConfigEntryConnection, DeleteConfigPayload, SetConfigPayload, UnlockConfigPayload } from './config-entry.types.js'

@Resolver(() => ConfigEntry)
export class ConfigEntryResolver {
  readonly #core: CoreServices
  readonly #setConfig: Command<SetConfigInput, ConfigEntryRecord>

  constructor(core: CoreServices) {
    this.#core = core
    this.#setConfig = createSetConfig(core.settings)
  }

  @Query(() => ConfigEntry, { nullable: true, description: 'One entry by its key; null when there is none.' })
  @Operation({ permission: 'config:read' })
  config(
    @Ctx() context: RequestContext,
    @Arg('key', () => String, { description: "The entry's key." }) key: string,
  ): ConfigEntryRecord | null {
    return context.snapshot.view(configEntries).get(key) ?? null
  }

  @Query(() => ConfigEntryConnection, { description: 'Entries in the order of their keys.' })
  @Operation({ permission: 'config:read' })
  configs(
    @Ctx() context: RequestContext,
    @Args(() => PageArgs) args: PageArgs,
    @Arg('filter', () => ConfigFilter, { nullable: true, description: 'Which ones; left out: all.' }) filter?: ConfigFilter | null,
  ): Page<ConfigEntryRecord> {
    const matches = filter ? (entry: ConfigEntryRecord) => isMeant(entry, filter) : undefined
    return pageOfView(context.snapshot, configEntries, { args, matches })
  }

  @Mutation(() => SetConfigPayload, { description: 'Makes an entry or changes it. Setting what is already there changes nothing.' })
  @Operation({ permission: 'config:write', writes: true, sample: 'input: { key: "example/key", value: { example: true } }' })
  async setConfig(
    @Ctx() context: RequestContext,
    @Arg('input', () => SetConfigInput, { description: 'The key, and what is to be changed.' }) input: SetConfigInput,
  ): Promise<PayloadBase> {
    return toPayload('configEntry', await submit(this.#core.ledger, context, { command: this.#setConfig, input }))
  }

  @Mutation(() => DeleteConfigPayload, { description: 'Deletes an entry that is not locked. Its history stays in the change log.' })
  @Operation({ permission: 'config:write', writes: true })
  async deleteConfig(
    @Ctx() context: RequestContext,
    @Arg('input', () => DeleteConfigInput, { description: 'The key.' }) input: DeleteConfigInput,
  ): Promise<PayloadBase> {
    return toPayload('deletedKey', await submit(this.#core.ledger, context, { command: deleteConfig, input }))
  }

  @Mutation(() => UnlockConfigPayload, { description: 'Unlocks an entry: the one way to change or delete it after it was locked.' })
  @Operation({ permission: 'config:unlock', writes: true })
  async unlockConfig(
    @Ctx() context: RequestContext,
    @Arg('input', () => UnlockConfigInput, { description: 'The key and the reason.' }) input: UnlockConfigInput,
  ): Promise<PayloadBase> {
    return toPayload('configEntry', await submit(this.#core.ledger, context, { command: unlockConfig, input }))
  }

  @FieldResolver(() => Change, { nullable: true, description: 'Its newest change.' })
  lastChange(@Ctx() context: RequestContext, @Root() entry: ConfigEntryRecord): Promise<ChangeRecord | null> {
    return lastChangeOf(context, configEntries, entry)
  }

  @FieldResolver(() => ChangeConnection, { description: 'Everything that happened to this key, newest first.' })
  history(@Root() entry: ConfigEntryRecord, @Args(() => PageArgs) args: PageArgs): Promise<Page<ChangeRecord>> {
    return historyOf(this.#core.changeLog, { collection: configEntries, record: entry }, args)
  }
}

function isMeant(entry: ConfigEntryRecord, { prefix, search, isMutable }: ConfigFilter): boolean {
  if (prefix && !entry.key.startsWith(prefix)) return false
  if (typeof isMutable === 'boolean' && entry.isMutable !== isMutable) return false
  return !search || `${entry.key}\n${entry.description ?? ''}`.toLowerCase().includes(search.toLowerCase())
}
