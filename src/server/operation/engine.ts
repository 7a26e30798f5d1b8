import {
  ApolloServer,
  type ApolloServerPlugin,
  type GraphQLRequestContextDidEncounterErrors,
  type GraphQLRequestContextResponseForOperation,
  type GraphQLRequestContextWillSendResponse,
  type GraphQLRequestListener,
  type GraphQLResponse,
  HeaderMap,
} from '@apollo/server'
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled'
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default'
import type { RequestContext } from '../../core/graphql/context.js'
import type { Settings } from '../../core/platform/settings.js'
import type { FrontParts } from '../front-parts.js'
import { headOf } from '../http/graphql/answer-head.js'
import { answerText } from '../http/graphql/answer-text.js'
import { DOCUMENT_LIMITS } from './document-limits.js'
import type { Answered } from './operations.js'

/** What answers GraphQL over HTTP. */
export type GraphQLEngine = ApolloServer<RequestContext>

/** What an engine is made of. */
export interface EngineParts extends Pick<FrontParts, 'schema' | 'mask' | 'clock' | 'log' | 'documents' | 'operations'> {
  readonly settings: Pick<Settings, 'isDevelopment'>
}

type Resolved = GraphQLRequestContextResponseForOperation<RequestContext>

/** The first document in Sandbox: it runs as it stands, once the key is filled in. */
export const FIRST_DOCUMENT = `# Put your API key in the Authorization header below (tab "Headers"), then run this.
query WhoAmI {
  viewer {
    role
    permissions
  }
  systemSummary {
    installedPacks
    totalPacks
    description
  }
}
`

/**
 * An engine that has to be started. Whatever could slow a read or show something of the inside is off. Limits but that of
 * tokens are not its business: see {@link KnownDocument.brokenLimits}.
 */
export function createEngine(parts: EngineParts): GraphQLEngine {
  return new ApolloServer<RequestContext>({
    schema: parts.schema,
    // Everybody who gets here has shown a key, or asks from this machine in development.
    introspection: true,
    nodeEnv: 'production',
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    persistedQueries: false,
    parseOptions: { maxTokens: DOCUMENT_LIMITS.tokens },
    includeStacktraceInErrorResponses: false,
    formatError: parts.mask.format,
    stringifyResult: (answer) => answerText(answer),
    stopOnTerminationSignals: false,
    logger: parts.log,
    plugins: [
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      parts.settings.isDevelopment ? sandbox() : ApolloServerPluginLandingPageDisabled(),
      answerOperations(parts),
    ],
  })
}

function sandbox(): ApolloServerPlugin<RequestContext> {
  return ApolloServerPluginLandingPageLocalDefault({
    embed: { runTelemetry: false, endpointIsEditable: false, initialState: { pollForSchemaUpdates: false } },
    document: FIRST_DOCUMENT,
    // Of the first tab only: Sandbox reads the schema without a key, which development allows.
    headers: { Authorization: 'Bearer YOUR_API_KEY' },
    includeCookies: false,
  })
}

/** Has valid operations run, and documents refused, in the one way that there is. */
function answerOperations(parts: EngineParts): ApolloServerPlugin<RequestContext> {
  return { requestDidStart: async () => new ApolloCall(parts) }
}

class ApolloCall implements GraphQLRequestListener<RequestContext> {
  readonly #parts: EngineParts
  readonly #startedAtMs: number
  #refused: Answered | undefined

  constructor(parts: EngineParts) {
    this.#parts = parts
    this.#startedAtMs = parts.clock.monotonicMs()
  }

  async responseForOperation({ request, operation, contextValue: context }: Resolved): Promise<GraphQLResponse | null> {
    const known = this.#parts.documents.read(request.query)
    known?.markValid()
    const prepared = operation && known?.operation(request.operationName)
    // An operation that is not in the document is told so by Apollo.
    if (!prepared) return null
    const { variables = {}, http } = request
    const answered = await this.#parts.operations.run({ prepared, context, variables, startedAtMs: this.#startedAtMs, way: 'apollo' })
    const { status, headers } = headOf(answered, http?.headers.get('accept'))
    return { http: { status, headers: new HeaderMap(Object.entries(headers)) }, body: bodyOf(answered) }
  }

  /** Comes for a document that is not executed: its syntax, its validity, its operation. */
  async didEncounterErrors({ errors, contextValue }: GraphQLRequestContextDidEncounterErrors<RequestContext>): Promise<void> {
    this.#refused = await this.#parts.operations.refuse(contextValue, errors)
  }

  willSendResponse({ request, response }: GraphQLRequestContextWillSendResponse<RequestContext>): Promise<void> {
    if (this.#refused) {
      const { status, headers } = headOf(this.#refused, request.http?.headers.get('accept'))
      response.body = bodyOf(this.#refused)
      response.http.status = status
      for (const [name, value] of Object.entries(headers)) response.http.headers.set(name, value)
    }
    return Promise.resolve()
  }
}

function bodyOf({ result }: Answered): GraphQLResponse['body'] {
  return { kind: 'single', singleResult: result }
}
