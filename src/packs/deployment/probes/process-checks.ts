import type { RateLimitSubjects } from '../../../core/contract/limiter.js'
import type { CheckContext } from './check-context.js'
import { failed, PASSED, skipped, type Verdict } from './verdict.js'

/** A check of the process that runs the test. */
interface ProcessCheck {
  readonly name: string
  readonly isBlocking: boolean
  run(context: CheckContext): Promise<Verdict>
}

/** The database answers, and has what this process relies on. */
async function checkDatabase({ core, signal }: CheckContext): Promise<Verdict> {
  try {
    const { rows } = await core.database.ask<{ revision: number }>('SELECT revision FROM ledger_head WHERE id = 1')
    if (rows.length === 1) return PASSED
    return failed('The database answers, but the head of the ledger is missing. Restore the database from a backup.')
  } catch (error) {
    signal.throwIfAborted()
    core.log.warn({ err: error }, 'smoke test: the database does not answer')
    return failed(DATABASE_AWAY[core.database.engine])
  }
}

const DATABASE_AWAY = {
  postgresql:
    'The database does not answer: reads go on from memory, writes are refused. See that the server of DATABASE_URL runs and lets this service in; the service recovers by itself.',
  pglite: 'The embedded database does not answer: writes are refused. Look into the log, and restart the service.',
} as const

/** Every migration of this build is applied, now and not only at the start. */
async function checkMigrations({ core, signal }: CheckContext): Promise<Verdict> {
  try {
    const { pending } = await core.database.readMigrations()
    if (pending.length === 0) return PASSED
    return failed(`Migrations of this build are not applied: ${pending.join(', ')}. Restart the service, which applies them at its start.`)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof Error && error.name === 'MigrationError') return failed(`The migrations are not in order: ${error.message}.`)
    return skipped('Not looked at, since the database does not answer (see the check `database`).')
  }
}

/** The limiter answers, and counts where the settings say: without Redis each replica would let through its own share. */
async function checkRateLimiter({ core }: CheckContext): Promise<Verdict> {
  const { limiter, ledger } = core
  // Only looks: whether a rule would deny this very call does not matter.
  await limiter.peek({ snapshot: ledger.snapshot, subjects: PROBED_SUBJECTS, cost: 1 })
  if (limiter.status.redis?.isReachable ?? true) return PASSED
  return failed(
    'Redis does not answer: each replica counts rate limits for itself. See that the server of REDIS_URL runs; the service recovers by itself.',
  )
}

/** An address for documentation (RFC 5737): nobody calls from it. */
const PROBED_SUBJECTS: RateLimitSubjects = { ip: '192.0.2.1', clientId: null, user: null }

/** The checks of this process. The limiter's does not block: limits hold without Redis, too, only less exactly. */
export const PROCESS_CHECKS: readonly ProcessCheck[] = [
  { name: 'database', isBlocking: true, run: checkDatabase },
  { name: 'migrations', isBlocking: true, run: checkMigrations },
  { name: 'rate-limiter', isBlocking: false, run: checkRateLimiter },
]
