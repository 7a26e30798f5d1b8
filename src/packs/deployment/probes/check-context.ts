import type { GraphQLSchema } from 'graphql'
import type { CoreServices } from '../../../core/contract/core-services.js'
import type { Destination } from '../outgoing/destination.js'
import type { OutgoingClient } from '../outgoing/outgoing-client.js'

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
