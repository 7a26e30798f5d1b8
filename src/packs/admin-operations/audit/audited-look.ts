import type { CoreServices } from '../../../core/contract/core-services.js'
import type { RequestContext } from '../../../core/graphql/context.js'

/** Who looks at what. */
export interface Look {
  /** The root field. */
  readonly operation: string
  readonly context: Pick<RequestContext, 'caller' | 'remoteAddress' | 'requestId'>
}

/**
 * Looks at what is sensitive: at everything that this replica has noted up to here, and noted itself once it has succeeded
 * (one that fails is, with every other call that does).
 */
export async function auditedLook<T>(
  { audit }: Pick<CoreServices, 'audit'>,
  { operation, context }: Look,
  look: () => Promise<T>,
): Promise<T> {
  await audit.flush()
  const seen = await look()
  const { caller, remoteAddress, requestId } = context
  audit.record({ operation, outcome: 'SUCCEEDED', caller, remoteAddress, detail: { requestId } })
  return seen
}
