import { astFromValue, type GraphQLField, isRequiredArgument, print } from 'graphql'
import { Arg, Ctx, Query, Resolver } from 'type-graphql'
import type { Caller } from '../../core/contract/caller.js'
import type { CoreServices } from '../../core/contract/core-services.js'
import { type AllowedDuring, type MaintenanceModeName, Operation, packOf, policyOf } from '../../core/contract/operation.js'
import { Holds } from '../../core/graphql/bounds/list-length.js'
import type { RequestContext } from '../../core/graphql/context.js'
import { demandPack } from '../../core/graphql/filter.js'
import { OperationEntry, OperationFilter, type OperationKindName } from './operation.types.js'
import { sampleOf } from './sample.js'

/** To see what there is. */
export const OPERATIONS_READ = 'operations:read'

/** What does not depend on who asks. */
export type OperationFacts = Omit<OperationEntry, 'callableByMe'>

const MODES: Readonly<Record<AllowedDuring, readonly MaintenanceModeName[]>> = {
  always: ['NORMAL', 'READ_ONLY', 'MAINTENANCE'],
  read: ['NORMAL', 'READ_ONLY'],
  write: ['NORMAL'],
}

@Resolver()
export class OperationResolver {
  @Query(() => [OperationEntry], {
    description:
      'Every operation of this control plane, by pack and name: who may call it, when, what it costs, and a sample that runs. The map for explorers and tools.',
  })
  @Operation({ permission: OPERATIONS_READ })
  @Holds(100)
  operations(
    @Ctx() { core, caller }: RequestContext,
    @Arg('filter', () => OperationFilter, { nullable: true, description: 'Which ones; left out: all that are not deprecated.' })
    filter?: OperationFilter | null,
  ): readonly OperationEntry[] {
    const asked = { ...filter, pack: demandPack(filter?.pack) }
    return core
      .once(operationFacts)
      .map((facts) => ({ ...facts, callableByMe: isCallable(caller, facts.permission) }))
      .filter((operation) => isMeant(operation, asked))
  }
}

function isCallable(caller: Caller, permission: string | null): boolean {
  return permission === null || caller.permissions.has(permission)
}

function isMeant(operation: OperationEntry, { kind, pack, search, callableByMe, includeDeprecated }: OperationFilter): boolean {
  if (operation.isDeprecated && !includeDeprecated) return false
  if (kind && operation.kind !== kind) return false
  if (pack && operation.pack !== pack) return false
  if (typeof callableByMe === 'boolean' && operation.callableByMe !== callableByMe) return false
  return !search || `${operation.name}\n${operation.description}`.toLowerCase().includes(search.toLowerCase())
}

/** The root fields of the schema that declare a policy: introspection's own fields are not among them. */
export function operationFacts({ service }: CoreServices): readonly OperationFacts[] {
  const { schema } = service.door
  const roots = { QUERY: schema.getQueryType(), MUTATION: schema.getMutationType(), SUBSCRIPTION: schema.getSubscriptionType() }
  const facts = Object.entries(roots).flatMap(([kind, type]) =>
    Object.values(type?.getFields() ?? {}).flatMap((field) => factOf(kind as OperationKindName, field) ?? []),
  )
  return facts.sort((a, b) => a.pack.localeCompare(b.pack) || a.name.localeCompare(b.name) || a.kind.localeCompare(b.kind))
}

function factOf(kind: OperationKindName, field: GraphQLField<unknown, unknown>): OperationFacts | undefined {
  const policy = policyOf(field.extensions)
  if (!policy) return undefined
  return {
    id: `${kind}:${field.name}`,
    name: field.name,
    kind,
    pack: packOf(field.extensions) ?? '',
    description: field.description ?? '',
    arguments: field.args.map((argument) => {
      const { name, type, description, defaultValue } = argument
      const literal = defaultValue === undefined ? undefined : astFromValue(defaultValue, type)
      return {
        name,
        type: String(type),
        description: description ?? null,
        isRequired: isRequiredArgument(argument),
        defaultValue: literal ? print(literal) : null,
      }
    }),
    returns: String(field.type),
    permission: policy.permission,
    writes: policy.writes,
    allowedDuring: MODES[policy.allowedDuring],
    cost: policy.cost,
    isDeprecated: field.deprecationReason !== undefined && field.deprecationReason !== null,
    deprecationReason: field.deprecationReason ?? null,
    sample: sampleOf(kind.toLowerCase(), field, policy.sample),
  }
}
