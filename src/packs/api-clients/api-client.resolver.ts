import { Arg, Args, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql'
import type { ActorRef } from '../../core/contract/caller.js'
import { Operation } from '../../core/contract/operation.js'
import { Actor, Change } from '../../core/graphql/change.types.js'
import { type Page, PageArgs } from '../../core/graphql/connection.js'
import type { RequestContext } from '../../core/graphql/context.js'
import { lastChangeOf } from '../../core/graphql/history.js'
import { DateTimeISO } from '../../core/graphql/scalars.js'
import type { ChangeEntry } from '../../core/state/change.js'
import { apiClientCollection, CLIENTS_READ } from './api-client.collection.js'
import type { ApiClientRecord } from './api-client.js'
import { pageOfClients } from './api-client.queries.js'
import { ApiClient, ApiClientConnection, ApiClientFilter, Viewer } from './api-client.types.js'

/** Reading clients: from the snapshot, and the use of keys from the marks in memory. */
@Resolver(() => ApiClient)
export class ApiClientResolver {
  @Query(() => Viewer, { description: 'Who you are: your API client, your role, and everything that you may do.' })
  @Operation({ permission: null, allowedDuring: 'always' })
  viewer(@Ctx() { caller, core, snapshot }: RequestContext): Viewer {
    const apiClient = snapshot.view(apiClientCollection).get(caller.id) ?? null
    const { environmentName: environment, region = null, isProduction } = core.settings
    return { apiClient, role: caller.role, permissions: [...caller.permissions].sort(), environment, region, isProduction }
  }

  @Query(() => ApiClient, { nullable: true, description: 'The API client with this id; null when there is none.' })
  @Operation({ permission: CLIENTS_READ })
  apiClient(
    @Arg('id', () => ID, { description: 'The `id` of the client.' }) id: string,
    @Ctx() { snapshot }: RequestContext,
  ): ApiClientRecord | null {
    return snapshot.view(apiClientCollection).get(id) ?? null
  }

  @Query(() => ApiClientConnection, { description: 'API clients in the order in which they were registered, deactivated ones too.' })
  @Operation({ permission: CLIENTS_READ })
  apiClients(
    @Arg('filter', () => ApiClientFilter, { nullable: true, description: 'Which ones are meant; all when left out.' })
    filter: ApiClientFilter | null,
    @Args(() => PageArgs) args: PageArgs,
    @Ctx() { core, snapshot }: RequestContext,
  ): Page<ApiClientRecord> | Promise<Page<ApiClientRecord>> {
    return pageOfClients(snapshot, { filter, args, lastUseOf: (id) => core.usage.lastAt('client', id) })
  }

  @FieldResolver(() => DateTimeISO, {
    nullable: true,
    description: 'Until when the key before the last rotation works, too; null when only one does.',
  })
  previousKeyExpiresAt(@Ctx() { core }: RequestContext, @Root() { previousKeyExpiresAt: until }: ApiClientRecord): Date | null {
    return until && until > core.clock.now() ? until : null
  }

  @FieldResolver(() => DateTimeISO, {
    nullable: true,
    description: 'When its key was last used, for a call here or for one that another service had verified, to the minute; null for never.',
  })
  lastUsedAt(@Ctx() { core }: RequestContext, @Root() client: ApiClientRecord): Date | null {
    return core.usage.lastAt('client', client.id)
  }

  @FieldResolver(() => Change, {
    nullable: true,
    description: 'The newest change of this client: who changed what, and why; null for those who may not read API clients.',
  })
  async lastChange(@Root() client: ApiClientRecord, @Ctx() context: RequestContext): Promise<ChangeEntry | null> {
    // `viewer` shows every caller its own client, also a front end's EVALUATOR key.
    return context.caller.permissions.has(CLIENTS_READ) ? lastChangeOf(context, apiClientCollection, client) : null
  }
}

/** What this pack adds to the authors of changes. */
@Resolver(() => Actor)
export class ActorClientResolver {
  @FieldResolver(() => ApiClient, {
    nullable: true,
    description: 'The client as it is now; null for the control plane itself, and for those who may not read API clients.',
  })
  apiClient(@Root() actor: ActorRef, @Ctx() { caller, snapshot }: RequestContext): ApiClientRecord | null {
    // Some objects show their last change to callers that may not read changes, such as a front end's EVALUATOR key.
    if (!caller.permissions.has(CLIENTS_READ)) return null
    return snapshot.view(apiClientCollection).get(actor.id) ?? null
  }
}
