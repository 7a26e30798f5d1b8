import { decodePercent } from '../platform/log.js'

/** Why a database could not be opened. */
export type OpenFault =
  /** Nothing answers at the address, or too late. */
  | 'UNREACHABLE'
  /** The server refuses the user or the password. */
  | 'REFUSED'
  /** The server has no database of that name. */
  | 'NO_DATABASE'
  /** The URL or the directory cannot be used as it is. */
  | 'UNUSABLE'
  /** Another live process holds the data directory. */
  | 'IN_USE'
  /** The data directory was written by another version of the engine. */
  | 'VERSION'
  /** Its files are damaged or missing. */
  | 'DAMAGED'
  /** A migration cannot be applied. */
  | 'MIGRATION'
  /** Anything else; the cause says more. */
  | 'OTHER'

/** The database cannot be opened. The message is one line for whoever started the program, and never holds a password. */
export class DatabaseOpenError extends Error {
  override readonly name = 'DatabaseOpenError'
  readonly fault: OpenFault

  constructor(fault: OpenFault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.fault = fault
  }
}

/** A database URL that may be shown: user, host, port and database only. What is no URL is not shown at all. */
export function showUrl(url: string): string {
  if (!URL.canParse(url)) return 'DATABASE_URL'
  const { protocol, username, host, pathname } = new URL(url)
  return `${protocol}//${username === '' ? '' : `${username}@`}${host}${pathname}`
}

/** The text of an error, with the parts of a URL that are secret (password and parameters) taken out wherever they stand. */
export function withoutSecrets(text: string, url: string): string {
  if (!URL.canParse(url)) return text.replaceAll(url, 'DATABASE_URL')
  const { password, search } = new URL(url)
  let clean = text.replaceAll(url, showUrl(url))
  for (const secret of [password, decodePercent(password), search]) if (secret !== '') clean = clean.replaceAll(secret, '***')
  return clean
}
