/** What stands in a log line in place of something secret. */
export const REDACTED = '[redacted]'

/**
 * An API key of this system is `vk_<live|test>_<12>_<32>_<crc32>`, all in base62: what a preview may show of it, and the
 * rest without the checksum, which is easily lost.
 */
const PREVIEW = 'vk_(?:live|test)_[0-9A-Za-z]{4}'
const REST = '[0-9A-Za-z]{8}_[0-9A-Za-z]{32}'
/** A key with or without its checksum, which ends where another key starts right behind it. */
const API_KEY = new RegExp(`(${PREVIEW})${REST}(?:_(?:(?!vk_)[0-9A-Za-z])*)?`, 'g')
const ANY_API_KEY = new RegExp(PREVIEW + REST)
const WHOLE_API_KEY = new RegExp(`^${PREVIEW}${REST}_[0-9A-Za-z]{1,6}$`)

/** Names whose string (or list) is hidden at any depth, whatever it holds; compared without case, `-` and `_`. */
const SECRET_NAMES = [
  'authorization',
  'proxy[-_]?authorization',
  'x[-_]?api[-_]?key',
  'api[-_]?key',
  'admin[-_]?key',
  'key[-_]?pepper',
  'audit[-_]?key',
  'private[-_]?key',
  'set[-_]?cookie',
  'cookie',
  'password',
  'secret',
  'token',
  'access[-_]?token',
  'connection[-_]?string',
  'database[-_]?url',
  'redis[-_]?url',
  'valhalla_admin_key',
  'valhalla_key_pepper',
  'valhalla_audit_key',
].join('|')

/** A string of JSON. */
const STRING = '"(?:\\\\.|[^"\\\\])*"'

/** A list of JSON with up to `depth` lists inside one another in it; a bracket in a string is none. */
function list(depth: number): string {
  return `\\[(?:${STRING}|[^"[\\]]${depth > 0 ? `|${list(depth - 1)}` : ''})*\\]`
}

/** A member of a JSON object with a secret name and a string or a list as its value. */
const SECRET_MEMBER = new RegExp(`("(?:${SECRET_NAMES})":)(?:${STRING}|${list(3)})`, 'gi')

/**
 * One character of a run inside a JSON string: an escape as a whole (but not white space), or anything that is no
 * quote. Bounded where it is used, so that a hostile line costs no more than its length times the bound.
 */
const RUN = '(?:\\\\[^nrt]|[^\\s"\\\\])'

/**
 * The password of `scheme://user:password@host`, up to the last `@` of the run: passwords are often pasted without
 * percent-encoding. Hides too much of a URL with a port and a later `@` rather than too little of a password.
 */
const URL_PASSWORD = new RegExp(`(://[^\\s:/?#@"\\\\]{0,256}:)${RUN}{1,512}@`, 'g')

/** The value of `password=...` and the like, as in a query string or a libpq keyword string. */
const ASSIGNED = /\b((?:password|passwd|pwd|api[-_]?key|access[-_]?token|secret)=)(?:\\[^nrt]|[^&\s"\\]){1,512}/gi

/** A bearer token (RFC 6750) in running text. */
const BEARER = /\b(bearer\s+)[A-Za-z0-9._~+/=-]{8,4096}/gi

/**
 * A line of JSON without its secrets: API keys of this system, passwords in URLs, bearer tokens, `password=` and
 * members with a secret name, at any depth and inside any string. It stays valid JSON. Works on plain text, too.
 */
export function scrubSecrets(line: string): string {
  return line
    .replace(SECRET_MEMBER, `$1"${REDACTED}"`)
    .replace(API_KEY, '$1…')
    .replace(URL_PASSWORD, `$1${REDACTED}@`)
    .replace(BEARER, `$1${REDACTED}`)
    .replace(ASSIGNED, `$1${REDACTED}`)
}

/** A text whose API keys are cut to their previews; all else in it stays as it is. */
export function scrubApiKeys(text: string): string {
  return text.includes('vk_') ? text.replace(API_KEY, '$1…') : text
}

/** Whether a text is shaped like an API key of this system and nothing else; its checksum is not looked at. */
export function isApiKeyShaped(text: string): boolean {
  return WHOLE_API_KEY.test(text)
}

/** Whether a text holds an API key of this system anywhere, with or without its checksum. */
export function holdsApiKey(text: string): boolean {
  return ANY_API_KEY.test(text)
}
