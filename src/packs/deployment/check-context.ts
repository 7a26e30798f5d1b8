import type { GraphQLSchema } from 'graphql'
import type { Destination } from '../../core/outgoing/destination.js'
import type { OutgoingClient } from '../../core/outgoing/outgoing-client.js'
import type { CoreServices } from '../../core/pack.js'

/** What probes work with. */
export interface ProbeContext {
  readonly client: Pick<OutgoingClient, 'request'>
  /** The key of the run; undefined for a destination that is not our own. */
  readonly key: string | undefined
  /** Names the run in this service's own log. */
  readonly requestId: string
  /** Ends the check. */
  readonly signal: AbortSignal
}

/** What a check works with. */
export interface CheckContext extends ProbeContext {
  readonly core: CoreServices
  readonly destination: Destination
  readonly schema: GraphQLSchema
}
