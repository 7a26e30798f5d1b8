import { holdsApiKey } from '../../../core/platform/scrub.js'

/** A rule of ours: the name it is reported by, what a text then "holds", and whether it holds such a secret anywhere. */
type SecretRule = readonly [rule: string, noun: string, isIn: (text: string) => boolean]

/** What may stand where a secret will be put later: `${name}`, `$NAME`, `<name>`, `{{name}}`, `%NAME%`, `****`, `xxx`. */
const PLACEHOLDER = /^(?:\$\{[^}]*\}|\$[A-Z_][A-Z\d_]*|<[^>]*>|\{\{.*\}\}|%\w+%|%s|\*+|x{3,}|\.{3}|…)$/s

/** A host in brackets, with a port or without one: it has colons, and nothing of it is a user or a password. */
const BRACKETED = String.raw`\[[\da-fA-F:.]{2,45}(?:%[\w.~%-]{1,64})?\]`
/** What may follow a comma behind a port: the next one of a list of hosts, or a word in lower case that an `@` ends. */
const NEXT_HOST = String.raw`(?:[a-z][a-z\d+.-]{0,30}:\/\/)?(?:(?:${BRACKETED}|[\w.-]{1,253}):\d{1,5}(?=[,/?#]|$)|[a-z\d.-]{1,253}(?=[@,/?#]|$))`

/** A password in `scheme://user:password@host`; digits before a slash or before another host are a port and no password. */
const URL_PASSWORD = new RegExp(
  String.raw`:\/\/(?!${BRACKETED}(?::\d{1,5})?(?:[,/?#]|$))[^\s:/?#@]{0,256}:(?!\d{1,5}(?:[/?#]|,${NEXT_HOST}))([^\s@]{1,512})@`,
  'g',
)

/** A password in a connection string of `key=value` pairs, as ADO.NET, JDBC and libpq have them, beside a host or user. */
const DSN_PASSWORD = /(?:^|[;\s?&])(?:password|pwd)\s?=\s?['"]?([^;\s&'"]{1,512})/gi
const DSN_MEMBER = /(?:^|[;\s?&])(?:host|hostaddr|server|data source|user|user id|username|uid|dbname|database)\s?=/i

/** Those in documentation end in EXAMPLE. */
const AWS_KEY_ID = /(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)(?!.{9}EXAMPLE)[A-Z2-7]{16}(?![A-Za-z0-9])/

/**
 * Secrets that are known by their shape. The formats: AWS access key ids are 20 characters that start with a known
 * prefix (AWS IAM, "Unique identifiers"), private keys are PEM (RFC 7468) on one line or many, JWTs are a JWS in
 * compact form (RFC 7515) whose header and payload start with `{"`, age's keys are Bech32 (C2SP, "The age file encryption
 * format"); the others are prefixes and lengths as their makers give them out. Every expression has a fixed text to begin
 * with or bounded repetitions, so that a search takes time in proportion to the text.
 */
export const SHAPE_RULES: readonly SecretRule[] = [
  ['aws-access-key-id', 'what looks like an AWS access key id', (text) => AWS_KEY_ID.test(text)],
  ['private-key', 'what looks like a private key', (text) => /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/.test(text)],
  ['valhalla-key', 'what looks like an API key of this system', holdsApiKey],
  ['jwt', 'what looks like a JSON Web Token', (text) => /(?<![\w-])eyJ[\w-]{10,4096}\.eyJ[\w-]{10,4096}\.[\w-]*/.test(text)],
  ['stripe-key', 'what looks like a secret key of Stripe', (text) => /(?<![A-Za-z0-9])[sr]k_(?:live|test)_[0-9A-Za-z]{16}/.test(text)],
  ['google-api-key', 'what looks like an API key of Google', (text) => /(?<![\w-])AIza[\w-]{35}(?![\w-])/.test(text)],
  ['azure-key', 'what looks like an access key of Azure', (text) => /(?:Account|SharedAccess)Key\s?=\s?['"]?[0-9A-Za-z+/]{40}/i.test(text)],
  ['age-secret-key', 'what looks like a secret key of age', (text) => /AGE-SECRET-KEY-1[0-9A-Z]{50}/i.test(text)],
  ['telegram-bot-token', 'what looks like a token of a Telegram bot', (text) => /(?<!\d)\d{5,16}:A[\w-]{34}(?![\w-])/.test(text)],
  ['url-password', 'a URL with a password', (text) => holdsReal(text, URL_PASSWORD)],
  ['dsn-password', 'a connection string with a password', (text) => DSN_MEMBER.test(text) && holdsReal(text, DSN_PASSWORD)],
]

/** Whether the first group of some match is more than a placeholder. */
function holdsReal(text: string, password: RegExp): boolean {
  return [...text.matchAll(password)].some(([, found]) => !PLACEHOLDER.test(found ?? ''))
}

/** Names whose values are expected to be secret, compared without case, anywhere in the name. */
const SECRET_NAME = /pass(?:word|wd|phrase)|pwd|secret|token|api[._-]?key|private[._-]?key|access[._-]?key|credential/i

/** Whether something with this name is expected to be secret. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name)
}

/** Shorter texts are too short to tell a secret from a word. */
const MIN_RANDOM_LENGTH = 12
/** Bits a character; 12 different characters have 3.58, 32 hexadecimal digits about 3.7, an English word about 2.5. */
const MIN_ENTROPY_BITS = 3
/** A word, as identifiers are made of: `audit`, `AUDIT`, `auditLog`, `v2`, `2024`; no run of letters longer than 20. */
const WORD = /^(?:[a-z]{1,20}|[A-Z]{1,20}|[A-Z]?[a-z]{2,20}(?:[A-Z][a-z]{2,20}){0,6})?\d{0,4}$/

/** A duration of ISO 8601. */
const DURATION = /^P(?=[\dT])[\d.YMWDTHS]+$/

/** Somewhere else that the secret is kept: the right thing to store. */
const REFERENCE = /^(?:arn:aws[\w-]*:|projects\/[^/]+\/secrets\/|(?:vault|op|env|ssm|awssm|gcpsm|azurekv|file|secretref|k8s):)/i

/** A regular expression: groups, classes or repetitions that no password has. */
const REGEX_SYNTAX = /\(\?|\[\^?\\?\w-\w|\\[dwsbDWSB]|\.\*|\.\+|\{\d{1,4},\d{0,4}\}/

/**
 * Whether a text looks like something that was generated to be secret: at least 12 characters without white space, at
 * least one of them a letter, Shannon entropy of 3 bits a character or more, and not made of words (`prod-db-login`,
 * `com.example.TokenService`), not a placeholder, a reference to a secret store, a regular expression or a duration. Of
 * URLs and paths each part is looked at alone. A passphrase of words does not count, nor do digits alone.
 */
export function looksRandom(text: string): boolean {
  if (/\s/.test(text) || PLACEHOLDER.test(text) || REFERENCE.test(text) || REGEX_SYNTAX.test(text) || DURATION.test(text)) return false
  const isLocation = text.includes('://') || /^\.{0,2}\//.test(text)
  return isLocation ? text.split(/[/?&=#:.,@]+/).some(isRandomPart) : isRandomPart(text)
}

function isRandomPart(part: string): boolean {
  if (part.length < MIN_RANDOM_LENGTH || !/[A-Za-z]/.test(part) || entropyBits(part) < MIN_ENTROPY_BITS) return false
  return !part.split(/[-_.:/@,+]+/).every((word) => WORD.test(word))
}

/** Shannon entropy of a text's characters, in bits a character. */
export function entropyBits(text: string): number {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  const total = [...text].length
  let bits = 0
  for (const count of counts.values()) bits -= (count / total) * Math.log2(count / total)
  return bits
}
