import type { RequestContext } from '../../../core/graphql/context.js'

/**
 * Looks at what is sensitive, for a root field: at everything that this replica has noted up to here. Once it has succeeded it is
 * noted itself, and written before anything of it is answered (one that fails is noted with every other call that does).
 */
export async function auditedLook<T>(
  operation: string,
  { core: { audit }, caller, remoteAddress, requestId }: RequestContext,
  look: () => Promise<T>,
): Promise<T> {
  await audit.flush()
  const seen = await look()
  audit.record({ operation, outcome: 'SUCCEEDED', caller, remoteAddress, detail: { requestId } })
  await audit.flush()
  return seen
}
