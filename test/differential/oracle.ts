import { type FragmentDefinitionNode, getOperationAST, Kind, type OperationDefinitionNode, parse, type SelectionSetNode } from 'graphql'
import { hasAtLeast } from '../../src/core/contract/caller.js'
import type { MaintenanceModeName } from '../../src/core/contract/operation.js'
import type { ApiClientRecord } from '../../src/packs/api-clients/api-client.js'
import { sessionKeys, verifyKey } from '../../src/packs/api-clients/index.js'
import { maintenanceAt } from '../../src/packs/maintenance/index.js'
import { POLICIES } from '../contract/policies.js'
import type { TestServer } from '../testkit/server.js'
import type { Answer, Request } from './lockstep.js'

/** What has to hold for an answer to a request that comes now: lines that say what does not. */
export type Expectation = (answer: Answer) => readonly string[]

type Data = Readonly<Record<string, unknown>>

/**
 * What the table of policies allows to a caller in the mode of this moment, and the revision of this moment, written down apart from
 * the guard: an answer has no data of a root field that is refused, and tells of no other revision.
 */
export function expect({ services }: TestServer, { key, body, isForSockets }: Request): Expectation {
  const { ledger, clock, settings } = services
  const { snapshot } = ledger
  const now = clock.now()
  const session = services.once(sessionKeys).check(snapshot, key ?? '', now)
  const check = session ?? verifyKey(snapshot, key ?? '', { now, pepper: settings.keyPepper })
  const client = check.verdict === 'VALID' ? check.client : undefined
  const { mode } = maintenanceAt(snapshot, now)
  return (answer) => {
    if (!client) return answer.status === 200 ? ['the key does not work, and was answered'] : []
    const asked = isForSockets ? readAsked(body ?? '') : undefined
    const data = asked && (JSON.parse(answer.body) as { data?: Data | null }).data
    if (!asked || !data) return []
    const { operation, names } = asked
    const isSwitching = [...names.values()].some((name) => /Maintenance/.test(name)) || (body ?? '').includes('overrideMaintenance')
    const inForce = operation.operation === 'mutation' && isSwitching ? 'NORMAL' : mode
    return Object.entries(data).flatMap(([shown, value]) => {
      const name = names.get(shown)
      if (value === null || name === undefined || name.startsWith('__')) return []
      const refusal = refusalOf(`${operation.operation} ${name}`, client, inForce)
      const { revision } = value as { readonly revision?: unknown }
      const isOld = name === 'systemStatus' && typeof revision === 'number' && revision !== snapshot.revision
      return [
        ...(refusal ? [`${name} is answered, which is ${refusal}`] : []),
        ...(isOld ? [`revision ${revision} of ${snapshot.revision}`] : []),
      ]
    })
  }
}

function refusalOf(field: string, { role, clientType }: ApiClientRecord, mode: MaintenanceModeName): string | undefined {
  const [least, during] = POLICIES[field] ?? ['ADMIN', 'write']
  if (least !== 'ANY' && !hasAtLeast(role, least)) return `FORBIDDEN to ${role}`
  if (during === 'write' && mode !== 'NORMAL') return `refused in ${mode}`
  const isWatcher = clientType === 'HEIMDALL' || hasAtLeast(role, 'OPERATOR')
  return during === 'read' && mode === 'MAINTENANCE' && !isWatcher ? `refused in ${mode}` : undefined
}

interface Asked {
  readonly operation: OperationDefinitionNode
  /** Root fields by the names that they have in the answer. */
  readonly names: ReadonlyMap<string, string>
}

function readAsked(body: string): Asked | undefined {
  const { query, operationName } = JSON.parse(body) as { query?: unknown; operationName?: string | null }
  try {
    const document = parse(String(query))
    const operation = getOperationAST(document, operationName)
    if (!operation) return undefined
    const names = new Map<string, string>()
    const fragmentOf = (name: string): FragmentDefinitionNode | undefined =>
      document.definitions.find(
        (each): each is FragmentDefinitionNode => each.kind === Kind.FRAGMENT_DEFINITION && each.name.value === name,
      )
    const collect = ({ selections }: SelectionSetNode): void => {
      for (const selection of selections) {
        if (selection.kind === Kind.FIELD) names.set((selection.alias ?? selection.name).value, selection.name.value)
        else {
          const fragment = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragmentOf(selection.name.value)
          if (fragment) collect(fragment.selectionSet)
        }
      }
    }
    collect(operation.selectionSet)
    return { operation, names }
  } catch {
    // A document that cannot be read has no data either: the answers are compared.
    return undefined
  }
}
