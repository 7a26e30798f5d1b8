import type { IncomingMessage } from 'node:http'
import type { Settings } from '../../../core/platform/settings.js'
import { isLoopback } from '../../../core/values/loopback.js'
import type { Documents } from '../../operation/documents.js'
import type { RequestBody } from '../body.js'
import { isFromThisMachine } from '../client-address.js'

/** Whether this request is answered on trust: in development, from this machine, while nobody else can reach the port. */
export function isTrustedHere(request: IncomingMessage, settings: Pick<Settings, 'isDevelopment' | 'host'>): boolean {
  return settings.isDevelopment && isLoopback(settings.host) && isFromThisMachine(request)
}

/**
 * Whether a request asks for introspection and nothing else, also through fragments: the one thing that may be had without
 * a key, where {@link isTrustedHere}. False for everything that cannot be executed.
 */
export function isIntrospectionOnly({ query, operationName }: RequestBody, documents: Documents): boolean {
  const name = typeof operationName === 'string' ? operationName : undefined
  return documents.read(query)?.operation(name)?.isIntrospection ?? false
}
