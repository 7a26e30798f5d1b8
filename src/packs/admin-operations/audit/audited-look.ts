import type { RequestContext } from '../../../core/graphql/context.js'

/**
 * Looks at what is sensitive, for a root field: at everything that this replica has noted up to here, and noted itself once
 * it has succeeded (one that fails is, with every other call that does).
 */
export async function auditedLook<T>(
  operation: string,
  { core: { audit }, caller, remoteAddress, requestId }: RequestContext,
  look: () => Promise<T>,
): Promise<T> {
  await audit.flush()
  const seen = await look()
  audit.record({ operation, outcome: 'SUCCEEDED', caller, remoteAddress, detail: { requestId } })
  return seen
}
