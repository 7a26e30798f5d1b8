import { ApolloServer, type ApolloServerPlugin, type GraphQLResponse } from '@apollo/server'
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled'
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default'
import type { FormattedExecutionResult } from 'graphql'
import type { AuditSink } from '../../core/background/audit.js'
import type { RequestContext } from '../../core/graphql/context.js'
import type { Settings } from '../../core/platform/settings.js'
import type { FrontParts } from '../front-parts.js'
import { isResponseTypeWanted } from '../http/answer.js'
import type { Metrics } from '../metrics.js'
import { answerText } from './answer-text.js'
import { auditCall } from './audit-calls.js'
import { DOCUMENT_LIMITS } from './document-limits.js'
import { operationLabel, outcomeOf } from './outcome.js'
import { limitOperations } from './rate-limit-plugin.js'

/** What answers GraphQL over HTTP. */
export type GraphQLEngine = ApolloServer<RequestContext>

/** What an engine is made of. */
export interface EngineParts extends Pick<FrontParts, 'schema' | 'limits' | 'mask' | 'clock' | 'log'> {
  readonly metrics: Pick<Metrics, 'observe'>
  readonly audit: AuditSink
  readonly settings: Pick<Settings, 'isDevelopment'>
}

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
 * tokens are not its business: see {@link createDocumentGate}.
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
      limitOperations(parts.limits),
      watchCalls(parts),
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

/** Logs what is masked, sets the status that fits the answer, counts it, and audits what was denied or failed. */
function watchCalls({ mask, metrics, audit, clock }: EngineParts): ApolloServerPlugin<RequestContext> {
  return {
    async requestDidStart() {
      const startedAtMs = clock.monotonicMs()
      return {
        async didEncounterErrors({ errors, contextValue }) {
          mask.note(errors, contextValue.requestId)
        },
        async willSendResponse({ response, request, document, operation, contextValue }) {
          const result = response.body.kind === 'single' ? response.body.singleResult : response.body.initialResult
          if (result.errors) {
            settleStatus(response, result, request.http?.headers.get('accept'))
            auditCall(audit, { call: contextValue, document, operation, errors: result.errors })
          }
          metrics.observe({
            operation: operationLabel(document, operation),
            outcome: outcomeOf(result),
            durationSeconds: (clock.monotonicMs() - startedAtMs) / 1000,
          })
        },
      }
    },
  }
}

/**
 * Apollo takes the status of any error, also when the rest of the answer is good. Ours stands only for an answer without
 * data: with the media type `application/graphql-response+json` as GraphQL over HTTP demands it (no 4xx with data that is
 * not null); with `application/json` also when every root field is null, so that a refused call is seen as refused.
 */
function settleStatus({ http }: GraphQLResponse, { data, errors }: FormattedExecutionResult, accept: string | undefined): void {
  const isStrict = isResponseTypeWanted(accept)
  const hasData = data !== null && data !== undefined && (isStrict || Object.values(data).some((value) => value !== null))
  if (hasData) http.status = 200
  else if (errors?.some(({ extensions }) => extensions?.['code'] === 'INTERNAL_SERVER_ERROR')) http.status = 500
  else http.status ??= 400
}
