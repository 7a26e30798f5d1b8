import { AppError } from '../contract/errors.js'
import type { RequestContext } from '../graphql/context.js'

/** Catches up with a revision that a client knows of: another replica may have made it a moment ago. The answer is read from what is there then. */
export async function catchUpTo(context: RequestContext, revision: number): Promise<void> {
  const { ledger } = context.core
  if (revision > ledger.snapshot.revision) await ledger.catchUp()
  if (revision > context.snapshot.revision) context.snapshot = ledger.snapshot
}

/** Throws BAD_USER_INPUT when an argument is no revision that there has been. */
export async function demandRevision(context: RequestContext, argument: string, revision: number): Promise<void> {
  if (revision >= 0) await catchUpTo(context, revision)
  const newest = context.snapshot.revision
  if (revision >= 0 && revision <= newest) return
  const message = `The argument \`${argument}\` must be a revision from 0 to ${newest}, the newest one; is ${revision}.`
  throw new AppError('BAD_USER_INPUT', message)
}
