import { Arg, Args, Ctx, FieldResolver, Query, Resolver, Root } from 'type-graphql'
import { Operation } from '../../core/contract/operation.js'
import { ReadsRows } from '../../core/graphql/bounds/rows.js'
import { Change, ChangeConnection } from '../../core/graphql/change.types.js'
import { type Page, PageArgs, pageOfView } from '../../core/graphql/connection.js'
import type { RequestContext } from '../../core/graphql/context.js'
import { historyOf, lastChangeOf } from '../../core/graphql/history.js'
import type { ChangeEntry } from '../../core/state/change.js'
import { CONFIG_READ, type ConfigEntryRecord, configEntryCollection } from './config-entry.collection.js'
import { ConfigFilter } from './config-entry.inputs.js'
import { ConfigEntry, ConfigEntryConnection } from './config-entry.types.js'

@Resolver(() => ConfigEntry)
export class ConfigEntryResolver {
  @Query(() => ConfigEntry, { nullable: true, description: 'One entry by its key; null when there is none.' })
  @Operation({ permission: CONFIG_READ })
  config(
    @Ctx() context: RequestContext,
    @Arg('key', () => String, { description: "The entry's key." }) key: string,
  ): ConfigEntryRecord | null {
    return context.snapshot.view(configEntryCollection).get(key) ?? null
  }

  @Query(() => ConfigEntryConnection, { description: 'Entries in the order of their keys.' })
  @Operation({ permission: CONFIG_READ })
  configs(
    @Ctx() context: RequestContext,
    @Args(() => PageArgs) args: PageArgs,
    @Arg('filter', () => ConfigFilter, { nullable: true, description: 'Which ones; left out: all.' }) filter?: ConfigFilter | null,
  ): Page<ConfigEntryRecord> | Promise<Page<ConfigEntryRecord>> {
    const matches = filter ? (entry: ConfigEntryRecord) => isMeant(entry, filter) : undefined
    return pageOfView(context.snapshot, configEntryCollection, { args, matches })
  }

  @FieldResolver(() => Change, { nullable: true, description: 'Its newest change.' })
  @ReadsRows()
  lastChange(@Ctx() context: RequestContext, @Root() entry: ConfigEntryRecord): Promise<ChangeEntry | null> {
    return lastChangeOf(context, configEntryCollection, entry)
  }

  @FieldResolver(() => ChangeConnection, { description: 'Everything that happened to this key, newest first.' })
  @ReadsRows()
  history(
    @Ctx() context: RequestContext,
    @Root() entry: ConfigEntryRecord,
    @Args(() => PageArgs) args: PageArgs,
  ): Promise<Page<ChangeEntry>> {
    return historyOf(context, { collection: configEntryCollection, record: entry }, args)
  }
}

function isMeant(entry: ConfigEntryRecord, { prefix, search, isMutable }: ConfigFilter): boolean {
  if (prefix && !entry.key.startsWith(prefix)) return false
  if (typeof isMutable === 'boolean' && entry.isMutable !== isMutable) return false
  return !search || `${entry.key}\n${entry.description ?? ''}`.toLowerCase().includes(search.toLowerCase())
}
