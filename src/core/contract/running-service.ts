import type { GraphQLSchema } from 'graphql'
import type { Caller } from './caller.js'
import { AppError } from './errors.js'

/** A key that this replica alone accepts, from when it is issued until it is revoked. Never stored, never logged. */
export interface EphemeralKey {
  readonly text: string
  /** From now on it is refused, and connections that were opened with it are closed. */
  revoke(): void
}

/** What the server lends to the packs from the moment on that it listens. */
export interface FrontDoor {
  /** Where it listens, as it is reached from this machine; without a slash at its end. */
  readonly url: string
  /** The schema that is served, to look at. */
  readonly schema: GraphQLSchema
  /** Lets somebody in who is no API client: for work of the control plane that has to come in from outside. */
  issueKey(holder: Caller): EphemeralKey
}

/** This process as a service. The server opens it as soon as it listens; packs are built before that. */
export class RunningService {
  readonly startedAt: Date
  #door: FrontDoor | undefined

  constructor(startedAt: Date) {
    this.startedAt = startedAt
  }

  /** Says where the service can be reached. */
  open(door: FrontDoor): void {
    this.#door = door
  }

  /** Throws AppError UNAVAILABLE before the server listens. */
  get door(): FrontDoor {
    if (!this.#door) throw new AppError('UNAVAILABLE', 'The control plane is still starting.', { retryAfterSeconds: 1 })
    return this.#door
  }
}
