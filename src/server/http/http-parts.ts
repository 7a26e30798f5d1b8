import type { FrontParts } from '../front-parts.js'
import type { GraphQLEngine } from '../operation/engine.js'

/** What answers requests. */
export interface HttpParts extends FrontParts {
  readonly engine: GraphQLEngine
}
