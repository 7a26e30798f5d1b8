import type { GraphQLSchema } from 'graphql'
import type { CoreServices } from '../core/contract/core-services.js'
import type { Authenticator } from '../enforcement/authenticate.js'
import type { ConnectionLimits } from './connection-limits.js'
import type { LoadGate } from './load/load-gate.js'
import type { Metrics } from './metrics.js'
import type { CreateContext } from './operation/context.js'
import type { Documents } from './operation/documents.js'
import type { ErrorMask } from './operation/mask-errors.js'
import type { Operations } from './operation/operations.js'

/** What calls are let in, executed and watched with, whichever way they come. */
export interface FrontParts extends Pick<CoreServices, 'settings' | 'clock' | 'log' | 'audit' | 'ledger'> {
  /** Guarded. */
  readonly schema: GraphQLSchema
  readonly documents: Documents
  readonly operations: Operations
  readonly mask: ErrorMask
  readonly metrics: Metrics
  readonly authenticator: Authenticator
  readonly createContext: CreateContext
  readonly load: LoadGate
  readonly network: ConnectionLimits
  /** Whether the server is about to stop: from then on it is not ready. */
  readonly isLeaving: () => boolean
  /** Whether it stops: from then on no operation begins on a socket. */
  readonly isClosing: () => boolean
}
