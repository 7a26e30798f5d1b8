import type { FrontParts } from '../front-parts.js'
import type { GraphQLEngine } from '../operation/engine.js'
import type { Shortcuts } from '../operation/ways.js'
import type { MediaTypes } from './graphql/short-way.js'

/** What answers requests. */
export interface HttpParts extends FrontParts {
  readonly engine: GraphQLEngine
  readonly mediaTypes: MediaTypes
  readonly shortcuts: Pick<Shortcuts, 'isApolloSpared'>
}
