import { randomUUID } from 'node:crypto'

/** The one place of the command line that asks the machine for settings, time and identifiers. */
export const environment: Readonly<Record<string, string | undefined>> = process.env

/** The time now. */
export const now = (): Date => new Date()

/** A new random identifier (UUID). */
export const newId = (): string => randomUUID()
