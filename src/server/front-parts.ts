import type { GraphQLSchema } from 'graphql'
import type { CoreServices } from '../core/contract/core-services.js'
import type { Authenticator } from '../enforcement/authenticate.js'
import type { OperationLimiter } from '../enforcement/rate-limits/operation-limiter.js'
import type { ConnectionLimits } from './connection-limits.js'
import type { LoadGate } from './load/load-gate.js'
import type { Metrics } from './metrics.js'
import type { CreateContext } from './operation/context.js'
import type { ErrorMask } from './operation/mask-errors.js'

/** What calls are let in, executed and watched with, whichever way they come. */
export interface FrontParts extends Pick<CoreServices, 'settings' | 'clock' | 'log' | 'audit' | 'ledger'> {
  /** Guarded. */
  readonly schema: GraphQLSchema
  readonly limits: OperationLimiter
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
