import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { GraphQLSchema } from 'graphql'
import type { PermissionsByRole } from '../core/contract/caller.js'
import type { CoreServices } from '../core/contract/core-services.js'
import type { Pack } from '../core/contract/pack.js'
import type { FrontDoor } from '../core/contract/running-service.js'
import { endsWithin } from '../core/database/within.js'
import { boundAnswers } from '../core/graphql/bounds/bound-answers.js'
import { createAuthenticator } from '../enforcement/authenticate.js'
import { EphemeralKeys } from '../enforcement/ephemeral-keys.js'
import { admissionTo, guardSchema } from '../enforcement/guard.js'
import { limitFailures } from '../enforcement/limit-authentication.js'
import { createMaintenanceGate } from '../enforcement/maintenance-gate.js'
import { permissionsByRole } from '../enforcement/permissions.js'
import { createOperationLimiter } from '../enforcement/rate-limits/operation-limiter.js'
import { sessionKeys } from '../packs/api-clients/index.js'
import type { ConnectionLimits } from './connection-limits.js'
import type { OpenCore } from './core.js'
import type { FrontParts } from './front-parts.js'
import { createHttpServer, type HttpServer } from './http/http-server.js'
import { createRequestListener } from './http/listener.js'
import { LoadGate } from './load/load-gate.js'
import { createLoadKinds } from './load/load-kind.js'
import { createMetrics, SERVER_PERMISSIONS } from './metrics.js'
import { contextsOf } from './operation/context.js'
import { createDocumentGate } from './operation/document-gate.js'
import { createEngine } from './operation/engine.js'
import { createErrorMask } from './operation/mask-errors.js'
import { buildPackSchema } from './schema.js'
import type { Connections } from './socket/connections.js'
import { type Subscriptions, serveSubscriptions } from './socket/subscriptions.js'

/** A server that answers. */
export interface RunningServer {
  /** Where it can be reached from this machine, without a slash at its end. */
  readonly url: string
  readonly address: AddressInfo
  readonly port: number
  readonly services: CoreServices
  readonly connections: Connections
  /**
   * Is not ready from now on, and goes on answering for `shutdownDelayMs` (unless `isAtOnce`), so that whoever sends requests
   * here notices. Then it takes no more of them, answers those that run (for at most `shutdownGraceMs`), lets every accepted write
   * and its events arrive, and lets go of the database. Safe to call twice; the second call may still be the one that is in a hurry.
   */
  close(how?: { readonly isAtOnce?: boolean }): Promise<void>
}

/** What each role may do with these packs and the server itself. */
export function permissionsOf(packs: readonly Pack[]): PermissionsByRole {
  return permissionsByRole(packs, SERVER_PERMISSIONS)
}

/** Puts GraphQL in front of an open core, and listens. */
export async function serve(core: OpenCore, packs: readonly Pack[], network: ConnectionLimits): Promise<RunningServer> {
  const { services } = core
  const { settings } = services
  const front = await buildFront(services, packs, network)
  const address = await front.http.listen(settings.port, settings.host).catch(async (error: unknown) => {
    await front.close()
    throw error
  })
  services.service.open({ url: urlOf(address), schema: front.schema, issueKey: front.issueKey })
  const stops = packs.flatMap((pack) => pack.run?.(services) ?? [])
  let closing: Promise<void> | undefined
  const delay = new AbortController()
  const close = async (): Promise<void> => {
    const { shutdownDelayMs, shutdownGraceMs } = settings
    front.leave()
    if (shutdownDelayMs > 0) await wait(shutdownDelayMs, undefined, { signal: delay.signal }).catch(() => undefined)
    front.refuse()
    const stopping = endsWithin(Promise.all(stops.map((stop) => stop())), shutdownGraceMs)
    await Promise.all([stopping, front.http.drain(shutdownGraceMs), front.subscriptions.drain(shutdownGraceMs)])
    await core.stopWriting()
    await front.close()
    await core.close()
  }
  return {
    url: urlOf(address),
    address,
    port: address.port,
    services,
    connections: front.subscriptions.connections,
    close({ isAtOnce = false } = {}) {
      if (isAtOnce) delay.abort()
      closing ??= close()
      return closing
    },
  }
}

/** Everything between the network and the core. */
interface Front {
  readonly http: HttpServer
  readonly subscriptions: Subscriptions
  readonly schema: GraphQLSchema
  readonly issueKey: FrontDoor['issueKey']
  /** From now on it is not ready, and asks for no further request on any connection; everything is answered. */
  leave(): void
  /** From now on no operation begins on a socket. */
  refuse(): void
  /** Ends every connection. */
  close(): Promise<void>
}

async function buildFront(services: CoreServices, packs: readonly Pack[], network: ConnectionLimits): Promise<Front> {
  const { log, limiter, permissions } = services
  const state = { isLeaving: false, isClosing: false }
  const ending = { isLeaving: () => state.isLeaving, isClosing: () => state.isClosing }
  const maintenanceGate = createMaintenanceGate(services)
  const rules = { permissions, checks: [maintenanceGate], eventChecks: [maintenanceGate] }
  const schema = boundAnswers(guardSchema(buildPackSchema(packs), rules))
  const ephemeralKeys = new EphemeralKeys()
  const authenticator = limitFailures(createAuthenticator({ ...services, ephemeralKeys, sessions: services.once(sessionKeys) }), limiter)
  const limits = createOperationLimiter(schema, limiter)
  const createContext = contextsOf(services, admissionTo(schema, rules))
  const mask = createErrorMask(log)
  const load = new LoadGate(createLoadKinds(schema), services.clock)
  const measures = packs.flatMap((pack) => pack.measures?.(services) ?? [])
  const metrics = createMetrics(services, { load, measures, countSubscriptions: () => subscriptions.count() })
  const parts: FrontParts = { ...services, ...ending, schema, limits, mask, metrics, authenticator, createContext, load, network }
  const engine = createEngine(parts)
  const http = createHttpServer(createRequestListener({ ...parts, engine, gate: createDocumentGate() }), network)
  const subscriptions = serveSubscriptions(http, parts)
  await engine.start()
  return {
    http,
    subscriptions,
    schema,
    issueKey: (holder) => ephemeralKeys.issue(holder),
    leave() {
      state.isLeaving = true
      http.leave()
    },
    refuse() {
      state.isClosing = true
    },
    async close() {
      await subscriptions.close()
      await http.close()
      await engine.stop()
      metrics.close()
    },
  }
}

/** Wildcard addresses are reached through the loopback address of their family. */
function urlOf({ address, family, port }: AddressInfo): string {
  const host = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address
  return `http://${family === 'IPv6' ? `[${host}]` : host}:${port}`
}
