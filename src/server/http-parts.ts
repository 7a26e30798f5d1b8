import type { AuditSink } from '../core/audit.js'
import type { Clock } from '../core/clock.js'
import type { Log } from '../core/log.js'
import type { Settings } from '../core/settings.js'
import type { Authenticator } from '../enforcement/authenticate.js'
import type { OperationLimiter } from '../enforcement/rate-limits/operation-limiter.js'
import type { CreateContext } from './context.js'
import type { DocumentGate } from './document-gate.js'
import type { GraphQLEngine } from './graphql.js'
import type { HealthSources } from './health.js'
import type { Metrics } from './metrics.js'

/** What answers requests. */
export interface HttpParts {
  readonly settings: Settings
  readonly clock: Clock
  readonly log: Log
  readonly engine: GraphQLEngine
  readonly gate: DocumentGate
  readonly limits: OperationLimiter
  readonly authenticator: Authenticator
  readonly createContext: CreateContext
  readonly metrics: Metrics
  readonly audit: AuditSink
  readonly health: HealthSources
}
