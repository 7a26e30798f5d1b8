import type { AuditSink } from '../../core/background/audit.js'
import type { Clock } from '../../core/platform/clock.js'
import type { Log } from '../../core/platform/log.js'
import type { Settings } from '../../core/platform/settings.js'
import type { Authenticator } from '../../enforcement/authenticate.js'
import type { OperationLimiter } from '../../enforcement/rate-limits/operation-limiter.js'
import type { Metrics } from '../metrics.js'
import type { CreateContext } from '../operation/context.js'
import type { DocumentGate } from '../operation/document-gate.js'
import type { GraphQLEngine } from '../operation/engine.js'
import type { HealthSources } from './health.js'

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
