/** What connections may take of a server. */
export interface ConnectionLimits {
  /** A whole HTTP request has to be there in this time; milliseconds, as all times here. */
  readonly requestMs: number
  /** Its headers in this time. */
  readonly headersMs: number
  /** How often these two are looked at. */
  readonly checkEveryMs: number
  /** How long an HTTP connection is kept open for its next request. */
  readonly keepAliveMs: number
  /** An HTTP connection on which nothing moves for this long, in either direction, is let go of. */
  readonly idleMs: number
  /** How often a WebSocket is asked whether it lives: one that is dead is let go of before twice this time has passed. */
  readonly pingEveryMs: number
  /** How long the client of a WebSocket may take to say who it is. */
  readonly initMs: number
  /** WebSockets whose clients have not said yet who they are: of all of them, and from one address. */
  readonly strangers: number
  readonly strangersPerAddress: number
  /** WebSockets of one API client. */
  readonly socketsPerClient: number
  /** Operations that may run at the same time on one WebSocket. */
  readonly operationsPerSocket: number
  /** Bytes that may wait for the client of a WebSocket before it is not listened to any more. */
  readonly backlogBytes: number
  /** The same for one that has not said yet who it is. */
  readonly strangerBacklogBytes: number
}

/** What a server allows, if it is not told otherwise. */
export const CONNECTION_LIMITS: ConnectionLimits = {
  requestMs: 30_000,
  headersMs: 10_000,
  checkEveryMs: 2_000,
  // Longer than the minute after which most load balancers let go of an idle connection, so that it is never us who are first.
  keepAliveMs: 65_000,
  // Longer than the longest call that is silent: an admin operation that is guarded by a run of the smoke tests.
  idleMs: 300_000,
  pingEveryMs: 12_000,
  initMs: 5_000,
  strangers: 500,
  strangersPerAddress: 50,
  socketsPerClient: 1_000,
  operationsPerSocket: 100,
  backlogBytes: 1_048_576,
  strangerBacklogBytes: 65_536,
}
