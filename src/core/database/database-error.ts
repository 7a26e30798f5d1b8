import pg from 'pg'
import { Prisma } from '../../generated/prisma/client.js'
import { AppError } from '../contract/errors.js'

/** SQLSTATE classes that blame the data or the statement, not the server: 21 cardinality, 22 data, 23 constraint, 42 syntax, 54 limits. */
const DATA_CLASSES: ReadonlySet<string> = new Set(['21', '22', '23', '42', '54'])

/** Faults of the program itself, by name; Prisma's says that a query was malformed before it was sent. */
const PROGRAM_FAULTS: ReadonlySet<string> = new Set(['TypeError', 'RangeError', 'ReferenceError', 'PrismaClientValidationError'])

/**
 * SQLSTATEs by which a server says that its files cannot be read or are not what it has written: data_corrupted, index_corrupted,
 * io_error and undefined_file (PostgreSQL documentation, appendix A).
 */
const DAMAGE_STATES: ReadonlySet<string> = new Set(['XX001', 'XX002', '58030', '58P01'])

/** disk_full (the same appendix): the statement was taken back, and the next one works once there is room. */
const DISK_FULL = '53100'

/** Prisma's codes for a database that cannot be reached, and for no free connection in time; its others blame the query. */
const PRISMA_AWAY = /^(?:P1\d{3}|P2024)$/

/** True when the database is not to blame: it refused what it was given, or the program is at fault. */
function isOwnFault(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (PROGRAM_FAULTS.has(error.name)) return true
  const state = sqlState(error)
  if (state !== undefined) return DATA_CLASSES.has(state.slice(0, 2))
  return error instanceof Prisma.PrismaClientKnownRequestError && !PRISMA_AWAY.test(error.code)
}

/**
 * True when the server itself says that it has failed: the statement was rolled back then. Not where the connection goes
 * with it (08 connection, 57P operator intervention) nor where it does not know either (40003).
 */
function isRolledBack(error: unknown): boolean {
  return error instanceof pg.DatabaseError && !/^(?:08|57P|40003)/.test(error.code ?? '08')
}

/** When another try makes sense; room is made by people. */
const RETRY_AFTER_SECONDS = 2
const RETRY_FULL_AFTER_SECONDS = 30

/** What is known of a write that was not confirmed: that it changed nothing, or not even that. */
export type Landed = 'nothing' | 'unknown'

/** The database did not answer, or not in time. */
export class DatabaseAwayError extends Error {
  /** Whether what was asked may have been done all the same. */
  readonly landed: Landed

  constructor(cause: unknown, landed: Landed) {
    super(`the database is not answering: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.name = 'DatabaseAwayError'
    this.landed = landed
  }
}

/**
 * Passes faults of data and program on as they are, and turns everything else into a {@link DatabaseAwayError}. `landed` is asked
 * when it has failed, where it is a function.
 */
export async function orAway<T>(landed: Landed | (() => Landed), work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (isOwnFault(error) || error instanceof AppError) throw error
    throw new DatabaseAwayError(error, isRolledBack(error) ? 'nothing' : typeof landed === 'function' ? landed() : landed)
  }
}

/**
 * The SQLSTATE of an error, five characters: the driver's own, or the one that Prisma has put away in `meta`. Undefined for
 * errors of the connection and of the program.
 */
function sqlState(error: Error): string | undefined {
  const found = error instanceof Prisma.PrismaClientKnownRequestError ? driverCode(error) : member(error, 'code')
  return typeof found === 'string' && /^[0-9A-Z]{5}$/.test(found) ? found : undefined
}

/** What the driver's error was called, which Prisma's adapter keeps as `originalCode`. */
function driverCode({ meta }: Prisma.PrismaClientKnownRequestError): unknown {
  return member(member(member(meta, 'driverAdapterError'), 'cause'), 'originalCode')
}

function member(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? (of as Readonly<Record<string, unknown>>)[name] : undefined
}

/** What an error, or whatever caused it, says of damaged files, in words without names of files; undefined when it says nothing of the kind. */
export function damageOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const state = sqlState(error)
  if (state === undefined || !DAMAGE_STATES.has(state)) return damageOf(error.cause)
  return `Files of the database are damaged or missing (SQLSTATE ${state}). That does not pass: restore a backup.`
}

/** Whether an error, or whatever caused it, says that the database has no room left. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && (sqlState(error) === DISK_FULL || isDiskFull(error.cause))
}

/** The answer where an error says that the database has no room left; undefined when it says nothing of the kind. */
function diskFull(cause: unknown): AppError | undefined {
  if (!isDiskFull(cause)) return undefined
  const message = 'The disk of the database is full: nothing can be changed until there is room. Nothing was changed.'
  return new AppError('UNAVAILABLE', message, { retryAfterSeconds: RETRY_FULL_AFTER_SECONDS, cause })
}

/** The answer to a write that could not be confirmed; `landed` says what is known of it. */
export function unavailable(cause: unknown, landed: Landed): AppError {
  const damage = damageOf(cause)
  if (damage !== undefined && landed === 'nothing') return new AppError('UNAVAILABLE', `${damage} Nothing was changed.`, { cause })
  const full = landed === 'nothing' ? diskFull(cause) : undefined
  if (full) return full
  const message =
    landed === 'nothing'
      ? 'The database is not answering; nothing was changed. Try again later.'
      : 'The database did not confirm the write in time, so it may or may not have landed. Read the object before you try again; with expectedVersion a second try cannot apply twice.'
  return new AppError('UNAVAILABLE', message, { retryAfterSeconds: RETRY_AFTER_SECONDS, cause })
}

/** True for an {@link unavailable} write that may have landed all the same. */
export function mayHaveLanded(error: unknown): boolean {
  return error instanceof AppError && error.cause instanceof DatabaseAwayError && error.cause.landed === 'unknown'
}

/** The answer to a question to the database; throws AppError UNAVAILABLE when it does not answer. */
export async function orUnavailable<T>(question: () => Promise<T>): Promise<T> {
  try {
    return await orAway('nothing', question)
  } catch (error) {
    if (!(error instanceof DatabaseAwayError)) throw error
    const damage = damageOf(error)
    if (damage !== undefined) throw new AppError('UNAVAILABLE', damage, { cause: error })
    const full = diskFull(error)
    if (full) throw full
    const message = 'The database is not answering. Try again later.'
    throw new AppError('UNAVAILABLE', message, { retryAfterSeconds: RETRY_AFTER_SECONDS, cause: error })
  }
}
