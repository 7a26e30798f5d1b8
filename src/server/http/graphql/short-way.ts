import type { KnownDocument } from '../../operation/known-document.js'
import type { PreparedOperation, Variables } from '../../operation/prepared-operation.js'
import { JSON_TYPE } from '../answer.js'
import type { RequestBody } from '../body.js'

/** Most headers that are remembered, and the longest of them: clients send few. */
const REMEMBERED = 100
const REMEMBERED_LENGTH = 200

/** The media types that Apollo has chosen for what clients accept. */
export class MediaTypes {
  readonly #chosen = new Map<string, string>()

  /** Undefined where Apollo has to choose. */
  chosenFor(accept: string | undefined): string | undefined {
    return accept === undefined ? JSON_TYPE : this.#chosen.get(accept)
  }

  /** Remembers a choice of Apollo's. */
  remember(accept: string | undefined, contentType: string): void {
    if (accept === undefined || accept.length > REMEMBERED_LENGTH) return
    // Whoever sends ever new ones must not keep others from being remembered.
    if (this.#chosen.size >= REMEMBERED) this.#chosen.clear()
    this.#chosen.set(accept, contentType)
  }
}

/** An operation that can be run as it was asked for. */
export interface PlainAsk {
  readonly prepared: PreparedOperation
  readonly variables: Variables
}

/**
 * What a body asks for, where nothing is left that Apollo would have to look at: its document has been found valid, the operation is in
 * it, and everything is of the type that it should be of. Undefined for everything else.
 */
export function plainAsk(
  { operationName = null, variables = null, extensions = null }: RequestBody,
  known: KnownDocument,
): PlainAsk | undefined {
  if (!known.isValid || extensions !== null) return undefined
  if (typeof variables !== 'object' || Array.isArray(variables)) return undefined
  if (operationName !== null && typeof operationName !== 'string') return undefined
  const prepared = known.operation(operationName)
  return prepared && { prepared, variables: (variables ?? {}) as Variables }
}
