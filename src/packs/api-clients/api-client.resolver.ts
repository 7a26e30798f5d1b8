import { Arg, Args, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql'
import type { UsageMarks } from '../../core/background/usage.js'
import type { ActorRef } from '../../core/contract/caller.js'
import { Operation } from '../../core/contract/operation.js'
import { Actor, Change } from '../../core/graphql/change.types.js'
import { type Page, PageArgs } from '../../core/graphql/connection.js'
import type { RequestContext } from '../../core/graphql/context.js'
import { lastChangeOf } from '../../core/graphql/history.js'
import { DateTimeISO } from '../../core/graphql/scalars.js'
import type { ChangeRecord } from '../../core/state/change.js'
import { apiClientCollection } from './api-client.collection.js'
import type { ApiClient } from './api-client.js'
import { pageOfClients } from './api-client.queries.js'
import { ApiClientConnection, ApiClientFilter, ApiClientType, Viewer } from './api-client.types.js'

/** To see other clients; whoever calls sees its own. */
export const CLIENTS_READ = 'clients:read'

/** Reading clients: from the snapshot, and the use of keys from the marks in memory. */
@Resolver(() => ApiClientType)
export class ApiClientResolver {
  readonly #usage: Pick<UsageMarks, 'lastAt'>

  constructor(usage: Pick<UsageMarks, 'lastAt'>) {
    this.#usage = usage
  }

  @Query(() => Viewer, { description: 'Who you are: your API client, your role, and everything that you may do.' })
  @Operation({ permission: null, allowedDuring: 'always' })
  viewer(@Ctx() { caller, snapshot }: RequestContext): Viewer {
    const apiClient = snapshot.view(apiClientCollection).get(caller.id) ?? null
    return { apiClient, role: caller.role, permissions: [...caller.permissions].sort() }
  }

  @Query(() => ApiClientType, { nullable: true, description: 'The API client with this id; null when there is none.' })
  @Operation({ permission: CLIENTS_READ })
  apiClient(
    @Arg('id', () => ID, { description: 'The `id` of the client.' }) id: string,
    @Ctx() { snapshot }: RequestContext,
  ): ApiClient | null {
    return snapshot.view(apiClientCollection).get(id) ?? null
  }

  @Query(() => ApiClientConnection, { description: 'API clients in the order in which they were registered, deactivated ones too.' })
  @Operation({ permission: CLIENTS_READ })
  apiClients(
    @Arg('filter', () => ApiClientFilter, { nullable: true, description: 'Which ones are meant; all when left out.' })
    filter: ApiClientFilter | null,
    @Args(() => PageArgs) args: PageArgs,
    @Ctx() { snapshot }: RequestContext,
  ): Page<ApiClient> {
    return pageOfClients(snapshot, { filter, args, lastUseOf: (id) => this.#usage.lastAt('client', id) })
  }

  @FieldResolver(() => DateTimeISO, {
    nullable: true,
    description: 'When its key was last used, for a call here or for one that another service had verified, to the minute; null for never.',
  })
  lastUsedAt(@Root() client: ApiClient): Date | null {
    return this.#usage.lastAt('client', client.id)
  }

  @FieldResolver(() => Change, {
    nullable: true,
    description: 'The newest change of this client: who changed what, and why; null for those who may not read API clients.',
  })
  async lastChange(@Root() client: ApiClient, @Ctx() context: RequestContext): Promise<ChangeRecord | null> {
    // `viewer` shows every caller its own client, also a front end's EVALUATOR key.
    return context.caller.permissions.has(CLIENTS_READ) ? lastChangeOf(context, apiClientCollection, client) : null
  }
}

/** What this pack adds to the authors of changes. */
@Resolver(() => Actor)
export class ActorClientResolver {
  @FieldResolver(() => ApiClientType, {
    nullable: true,
    description: 'The client as it is now; null for the control plane itself, and for those who may not read API clients.',
  })
  apiClient(@Root() actor: ActorRef, @Ctx() { caller, snapshot }: RequestContext): ApiClient | null {
    // Some objects show their last change to callers that may not read changes, such as a front end's EVALUATOR key.
    if (!caller.permissions.has(CLIENTS_READ)) return null
    return snapshot.view(apiClientCollection).get(actor.id) ?? null
  }
}
