import type { IncomingMessage } from 'node:http'
import { getOperationAST, parse } from 'graphql'
import type { Settings } from '../../core/platform/settings.js'
import { isLoopback } from '../../core/values/loopback.js'
import { DOCUMENT_LIMITS } from '../operation/document-limits.js'
import { rootFieldNames } from '../operation/root-field-names.js'
import type { RequestBody } from './body.js'
import { isFromThisMachine } from './client-address.js'

const INTROSPECTION: ReadonlySet<string> = new Set(['__schema', '__type', '__typename'])

/** Whether this request is answered on trust: in development, from this machine, while nobody else can reach the port. */
export function isTrustedHere(request: IncomingMessage, settings: Pick<Settings, 'isDevelopment' | 'host'>): boolean {
  return settings.isDevelopment && isLoopback(settings.host) && isFromThisMachine(request)
}

/**
 * Whether a request asks for introspection and nothing else, also through fragments: the one thing that may be had without
 * a key, where {@link isTrustedHere}. False for everything that cannot be executed.
 */
export function isIntrospectionOnly({ query, operationName }: RequestBody): boolean {
  if (typeof query !== 'string') return false
  try {
    const document = parse(query, { maxTokens: DOCUMENT_LIMITS.tokens, noLocation: true })
    const operation = getOperationAST(document, typeof operationName === 'string' ? operationName : undefined)
    if (operation?.operation !== 'query') return false
    const fields = rootFieldNames(document, operation)
    return fields.length > 0 && fields.every((field) => INTROSPECTION.has(field))
  } catch {
    return false
  }
}
