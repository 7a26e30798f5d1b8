import { Arg, Args, Ctx, FieldResolver, Query, Resolver, Root } from 'type-graphql'
import { Operation } from '../../core/contract/operation.js'
import { Holds } from '../../core/graphql/bounds/list-length.js'
import { Change, ChangeConnection } from '../../core/graphql/change.types.js'
import { type Page, PageArgs } from '../../core/graphql/connection.js'
import type { RequestContext } from '../../core/graphql/context.js'
import { historyOf, lastChangeOf } from '../../core/graphql/history.js'
import { orderOf, pageInOrder } from '../../core/graphql/lists/ordered-page.js'
import type { ChangeEntry } from '../../core/state/change.js'
import { CONFIG_READ, type ConfigEntryRecord, configEntryCollection } from './config-entry.collection.js'
import { ConfigFilter } from './config-entry.inputs.js'
import { ConfigEntry, ConfigEntryConnection, type ConfigOrder, ConfigOrders } from './config-entry.types.js'
import { ConfigPrefix, countPrefixes, prefixesOf } from './config-prefix.js'

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

  @Query(() => ConfigEntryConnection, { description: 'Entries, in the order of their keys if not told otherwise.' })
  @Operation({ permission: CONFIG_READ })
  configs(
    @Ctx() context: RequestContext,
    @Args(() => PageArgs) args: PageArgs,
    @Arg('filter', () => ConfigFilter, { nullable: true, description: 'Which ones; left out: all.' }) filter?: ConfigFilter | null,
    @Arg('orderBy', () => ConfigOrders, { nullable: true, defaultValue: 'KEY', description: 'How they are sorted.' })
    orderBy?: ConfigOrder | null,
  ): Page<ConfigEntryRecord> | Promise<Page<ConfigEntryRecord>> {
    const { keys, prefix, ...others } = filter ?? {}
    const matches = Object.keys(others).length > 0 ? (entry: ConfigEntryRecord) => isMeant(entry, others) : undefined
    const order = orderBy === 'UPDATED_AT_DESC' ? orderOf(context.snapshot, configEntryCollection, 'updatedAt') : undefined
    return pageInOrder(context.snapshot, configEntryCollection, { args, order, keys, prefix, matches })
  }

  @Query(() => [ConfigPrefix], { description: 'One level of the tree that the slashes in keys make, in the order of the keys, counted.' })
  @Operation({ permission: CONFIG_READ })
  @Holds(({ prefix }, snapshot) => countPrefixes(snapshot, String(prefix ?? '')))
  configPrefixes(
    @Ctx() { snapshot }: RequestContext,
    @Arg('prefix', () => String, {
      nullable: true,
      defaultValue: '',
      description: 'What the keys begin with, such as "billing/"; empty: the top of the tree.',
    })
    prefix?: string | null,
  ): Promise<ConfigPrefix[]> {
    return prefixesOf(snapshot, prefix ?? '')
  }

  @FieldResolver(() => Change, { nullable: true, description: 'Its newest change.' })
  lastChange(@Ctx() context: RequestContext, @Root() entry: ConfigEntryRecord): Promise<ChangeEntry | null> {
    return lastChangeOf(context, configEntryCollection, entry)
  }

  @FieldResolver(() => ChangeConnection, { description: 'Everything that happened to this key, newest first.' })
  history(
    @Ctx() context: RequestContext,
    @Root() entry: ConfigEntryRecord,
    @Args(() => PageArgs) args: PageArgs,
  ): Promise<Page<ChangeEntry>> {
    return historyOf(context, { collection: configEntryCollection, record: entry }, args)
  }
}

function isMeant(entry: ConfigEntryRecord, { search, isMutable }: Pick<ConfigFilter, 'search' | 'isMutable'>): boolean {
  if (typeof isMutable === 'boolean' && entry.isMutable !== isMutable) return false
  return !search || `${entry.key}\n${entry.description ?? ''}`.toLowerCase().includes(search.toLowerCase())
}
