import type { Caller } from '../core/contract/caller.js'

/** A caller that has come with the key of a session: everything that names it says so, from the change log to the audit events. */
export function inSession<C extends Caller>(caller: C, sessionEndsAt: Date): C {
  return { ...caller, name: `${caller.name} (session)`, sessionEndsAt }
}

/** Whether the session of a caller is over; what has none never is. */
export function isSessionOver({ sessionEndsAt }: Caller, now: Date): boolean {
  return sessionEndsAt !== undefined && sessionEndsAt <= now
}
