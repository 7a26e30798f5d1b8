import { type DocumentNode, type GraphQLSchema, parse, TypeInfo, visit, visitWithTypeInfo } from 'graphql'
import type { Caller, Permission } from '../../../core/contract/caller.js'
import type { CoreServices } from '../../../core/contract/core-services.js'
import { policyOf } from '../../../core/contract/operation.js'
import type { EphemeralKey } from '../../../core/contract/running-service.js'
import type { RunnableCheck } from './run-selection.js'

/**
 * A key for one run, which may do just what its checks ask for, and nothing that an OPERATOR may not: whoever can add and
 * run checks must not learn from them what they could not ask for themselves. It watches, as a dashboard does, so that
 * maintenance does not blind the test.
 */
export function issueRunKey({ service, permissions }: CoreServices, checks: readonly RunnableCheck[]): EphemeralKey {
  const { door } = service
  const needed = new Set(checks.flatMap((check) => permissionsOf(door.schema, check)))
  const granted = new Set([...needed].filter((permission) => permissions.OPERATOR.has(permission)))
  const holder: Caller = { id: 'smoke-test', name: 'smoke test', clientType: 'HEIMDALL', role: null, permissions: granted }
  return door.issueKey(holder)
}

/** What the root fields that a check asks for demand, those of fragments too. */
function permissionsOf(schema: GraphQLSchema, { query }: RunnableCheck): Permission[] {
  const fields = query === null ? [] : rootFieldsOf(schema, parse(query, { noLocation: true }))
  return fields.flatMap((field) => policyOf(field?.extensions)?.permission ?? [])
}

function rootFieldsOf(schema: GraphQLSchema, document: DocumentNode) {
  const roots = [schema.getQueryType(), schema.getMutationType()]
  const types = new TypeInfo(schema)
  const fields = new Set<ReturnType<TypeInfo['getFieldDef']>>()
  const Field = (): void => {
    if (roots.includes(types.getParentType() as (typeof roots)[number])) fields.add(types.getFieldDef())
  }
  visit(document, visitWithTypeInfo(types, { Field }))
  return [...fields]
}
