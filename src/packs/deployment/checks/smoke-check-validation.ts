import { type DocumentNode, GraphQLError, Kind, parse } from 'graphql'
import { type UserErrorData, userError } from '../../../core/contract/errors.js'
import { toUserErrors } from '../../../core/values/faults.js'
import { findJsonFaults, type Json, type JsonLimits } from '../../../core/values/json.js'
import { findTextFaults } from '../../../core/values/text.js'

/** What a name of a check may be. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,99}$/
const MAX_PATH_LENGTH = 2_000
const MAX_QUERY_LENGTH = 10_000
/** As many as the server takes in any document. */
const MAX_TOKENS = 2_000
const BODY_LIMITS: JsonLimits = { maxBytes: 16 * 1024, maxDepth: 32 }

/** Faults of a check's name. */
export function findNameFaults(name: string): UserErrorData[] {
  if (NAME.test(name)) return []
  if (name === '') return [userError('REQUIRED', ['name'], 'The name must not be empty.')]
  return [
    userError(
      'INVALID',
      ['name'],
      "The name must start with a-z or 0-9, hold only a-z, 0-9, '.', '_' and '-', and have at most 100 characters.",
    ),
  ]
}

/**
 * Faults of a path. It has to be written as the WHATWG URL standard would write it, so that what is checked here is what is
 * asked for: no second slash at the beginning or elsewhere, no backslash, no dot segments, nothing that has to be encoded.
 */
export function findPathFaults(path: string): UserErrorData[] {
  const fault = (message: string): UserErrorData[] => [userError('INVALID', ['path'], message)]
  if (!path.startsWith('/')) return fault('The path must begin with a slash; it stands behind the base URL.')
  if (path.length > MAX_PATH_LENGTH) return findTextFaults(path, ['path'], MAX_PATH_LENGTH)
  if (!/^[\x21-\x7e]*$/.test(path)) return fault('The path must hold printable ASCII characters only; percent-encode the others.')
  if (path.includes('\\')) return fault('The path must not hold a backslash.')
  if (path.split('?')[0]?.includes('//')) return fault('The path must not hold two slashes in a row.')
  if (path.includes('#')) return fault('The path must not hold a fragment (#); it is never sent.')
  const { origin, pathname, search } = new URL(path, ORIGIN)
  if (origin !== ORIGIN || `${pathname}${search}` !== path) {
    return fault("The path must be written out and percent-encoded: without '.' and '..' segments, quotes, '<' and '>'.")
  }
  return []
}

const ORIGIN = 'http://check.invalid'

/** Faults of the document of a GRAPHQL check: it must parse, and hold one query that needs no variables. */
export function findQueryFaults(query: string): UserErrorData[] {
  const fault = (message: string): UserErrorData[] => [userError('INVALID', ['query'], message)]
  if (query.length > MAX_QUERY_LENGTH) return findTextFaults(query, ['query'], MAX_QUERY_LENGTH)
  const document = parseQuery(query)
  if (typeof document === 'string') return fault(document)
  const operations = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
  const [operation, ...others] = operations
  if (!operation || others.length > 0) return fault(`The document must hold exactly one query, holds ${operations.length} operations.`)
  if (operation.operation !== 'query')
    return fault(`A smoke test changes nothing and follows nothing: this must be a query, is a ${operation.operation}.`)
  const unset = (operation.variableDefinitions ?? []).filter(({ type, defaultValue }) => type.kind === Kind.NON_NULL_TYPE && !defaultValue)
  if (unset.length === 0) return []
  return fault(`The query is sent without variables: give ${unset.map(({ variable }) => `$${variable.name.value}`).join(', ')} a default.`)
}

function parseQuery(query: string): DocumentNode | string {
  try {
    return parse(query, { maxTokens: MAX_TOKENS, noLocation: true })
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error
    const [place] = error.locations ?? []
    return `The query cannot be read: ${error.message.replace(/\.$/, '')}${place ? ` (line ${place.line}, column ${place.column})` : ''}.`
  }
}

/** Faults of an expected body: it has to be JSON of a moderate size. */
export function findBodyFaults(body: Json): UserErrorData[] {
  return toUserErrors(['expectBody'], findJsonFaults(body, BODY_LIMITS))
}
