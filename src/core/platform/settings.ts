import { resolve } from 'node:path'
import * as z from 'zod'
import { isApiKeyShaped } from './scrub.js'

/** How one variable of the environment is documented; the only such list (`--help` and the README are made from it). */
export interface VariableInfo {
  readonly name: string
  /** What a value looks like, in a few words. */
  readonly type: string
  /** The text that stands in when the variable is unset or empty; undefined when there is none. */
  readonly defaultText: string | undefined
  readonly description: string
  /** Its value is never shown, not even in a fault. */
  readonly isSecret: boolean
}

/** What a schema says of its values. */
type Kind = Pick<VariableInfo, 'type' | 'isSecret'>

const kinds = z.registry<Kind>()
const about = z.registry<Omit<VariableInfo, 'name'>>()

/** A schema whose values are described as `type`. */
function typed<T extends z.ZodType>(schema: T, type: string, isSecret = false): T {
  kinds.add(schema, { type, isSecret })
  return schema
}

/** Documents a variable that may be missing. */
function optional<T extends z.ZodType>(schema: T, description: string): z.ZodOptional<T> {
  const documented = schema.optional()
  about.add(documented, { ...(kinds.get(schema) as Kind), defaultText: undefined, description })
  return documented
}

/** Documents a variable with a default, which is written and read as the variable itself would be. */
function defaulted<T extends z.ZodType<unknown, string>>(schema: T, defaultText: string, description: string): z.ZodPrefault<T> {
  const documented = schema.prefault(defaultText as z.input<T>)
  about.add(documented, { ...(kinds.get(schema) as Kind), defaultText, description })
  return documented
}

/** `type` is left out where the bounds say it all. */
function integer(min: number, max: number, type = `${min} to ${max}`) {
  const isWithin = (text: string): boolean => /^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max
  return typed(z.string().refine(isWithin, `must be a whole number from ${min} to ${max}`).transform(Number), type)
}

function oneOf<const T extends readonly [string, ...string[]]>(names: T) {
  return typed(z.enum(names, `must be one of ${names.join(', ')}`), names.join(', ').replace(/, (?=[^,]*$)/, ' or '))
}

function secret(minLength: number) {
  const schema = z.string().min(minLength, `must have at least ${minLength} characters`)
  return typed(schema, `text of ${minLength} characters or more`, true)
}

/** Secret, since it may hold a password. */
function url(protocols: readonly string[], type: string) {
  const names = protocols.map((protocol) => `${protocol}//`).join(' or ')
  const error = `must be a URL that starts with ${names} (percent-encode special characters in its password)`
  const schema = z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), { error })
  return typed(schema, type, true)
}

/** Lists are comma-separated, with or without spaces. An origin as RFC 6454 has it: scheme, host and port only. */
const origins = typed(
  z.string().transform((text, context): readonly string[] => {
    const items = text.split(',').map((item) => item.trim())
    const isEachOrigin = items.every((item) => /^https?:\/\/[^/?#@\s]+\/?$/i.test(item) && URL.canParse(item))
    if (isEachOrigin) return Object.freeze([...new Set(items.map((item) => new URL(item).origin))])
    context.issues.push({ code: 'custom', input: text, message: 'must be a comma-separated list of origins like https://app.example.com' })
    return z.NEVER
  }),
  'comma-separated origins',
)

function isPublicUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, search, hash } = new URL(text)
  return ['http:', 'https:'].includes(protocol) && [username, password, search, hash].every((part) => part === '')
}

const publicUrl = typed(
  z
    .string()
    .refine(isPublicUrl, 'must be a URL that starts with http:// or https://, without user, password, query and fragment')
    .transform((text) => new URL(text).href.replace(/\/+$/, '')),
  'http(s):// URL',
)

const label = typed(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, "must be 1 to 63 of letters, digits, '.', '_' and '-'"), 'name')
const bool = typed(
  oneOf(['true', 'false']).transform((text) => text === 'true'),
  'true or false',
)
const host = typed(z.string().regex(/^[A-Za-z0-9.:%_-]{1,253}$/, 'must be an IP address or a host name'), 'host')
const adminKey = typed(z.string().refine(isApiKeyShaped, 'must be an API key of this system (vk_live_... or vk_test_...)'), 'API key', true)

/** As long as a load balancer takes that asks every second or two, and believes the second answer. */
const PRODUCTION_SHUTDOWN_DELAY_MS = 5_000

/** Every variable that is read: its name, type, default and description stand here and nowhere else. */
const VARIABLES = z.object({
  PORT: defaulted(integer(0, 65_535, 'port'), '4000', 'TCP port to listen on; 0 takes any free one.'),
  HOST: defaulted(host, '127.0.0.1', 'Address to listen on; 0.0.0.0 or :: for every interface.'),
  NODE_ENV: defaulted(
    oneOf(['development', 'production', 'test']),
    'development',
    'In development, on a loopback address, the schema may be introspected without a key.',
  ),
  LOG_LEVEL: defaulted(oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']), 'info', 'The least level that is logged.'),
  DATABASE_URL: optional(
    url(['postgres:', 'postgresql:'], 'postgresql:// URL'),
    'PostgreSQL database to use. Unset: a database embedded in the process, kept in VALHALLA_DATA_DIR.',
  ),
  REDIS_URL: optional(
    url(['redis:', 'rediss:'], 'redis:// URL'),
    'Redis that shares rate limit counters between replicas. Unset: each replica counts for itself.',
  ),
  VALHALLA_DATA_DIR: defaulted(
    typed(z.string(), 'path'),
    './data',
    'Directory of the embedded database; relative to the working directory.',
  ),
  VALHALLA_ENV: optional(label, "The deployment's name, such as staging. Unset: what NODE_ENV says."),
  VALHALLA_REGION: optional(label, 'Where the deployment runs, such as eu-west-1.'),
  VALHALLA_ADMIN_KEY: optional(adminKey, 'Key of the first admin, taken on the first start only. Unset: one is made and handed over once.'),
  VALHALLA_KEY_PEPPER: optional(
    secret(16),
    'Mixed into the stored hash of every API key. Changing it makes all keys invalid, and is refused unless it is meant: see admin:reset.',
  ),
  VALHALLA_AUDIT_KEY: optional(
    secret(16),
    'Key of the digest chains over the change log and the audit events. Changing it breaks the verification of what is older, and is refused unless it is meant: see admin:reset.',
  ),
  VALHALLA_ALLOW_UNKEYED: defaulted(
    bool,
    'false',
    'In production, lets it start without VALHALLA_KEY_PEPPER or VALHALLA_AUDIT_KEY, for trials: whoever can write to the database can then forge both.',
  ),
  VALHALLA_PUBLIC_URL: optional(publicUrl, 'Where clients reach this service from outside.'),
  VALHALLA_CHANGE_RETENTION_DAYS: defaulted(
    integer(0, 36_500),
    '0',
    'How many days the change log is kept; older revisions are taken away, and the chain is verified from there. 0 keeps it for ever.',
  ),
  VALHALLA_AUDIT_RETENTION_DAYS: defaulted(integer(0, 36_500), '90', 'How many days audit events are kept; 0 keeps them for ever.'),
  VALHALLA_AUTH_FAILURES_PER_MINUTE: defaulted(
    integer(0, 1_000_000),
    '20',
    'Calls without a valid key that one address may send in a minute before further ones are refused with 429; 0 for any number.',
  ),
  VALHALLA_TRUSTED_PROXIES: defaulted(integer(0, 10), '0', 'How many proxies in front add to X-Forwarded-For; 0 ignores that header.'),
  SMOKE_ALLOWED_ORIGINS: optional(origins, "Other origins that smoke tests may probe, besides this service's own."),
  VALHALLA_DISK_RESERVE_MB: defaulted(
    integer(0, 1_048_576, 'MiB'),
    '128',
    'With the embedded database, writes are refused when less disk space than this is free.',
  ),
  VALHALLA_WRITE_TIMEOUT_MS: defaulted(
    integer(100, 60_000, 'ms, 100 to 60000'),
    '2000',
    'After this time a write that the database did not take is refused as UNAVAILABLE.',
  ),
  VALHALLA_SHUTDOWN_DELAY_MS: optional(
    integer(0, 600_000, 'ms, 0 to 600000'),
    'How long the service goes on answering once it is told to stop and /readyz says 503. Unset: 5000 in production, else 0.',
  ),
  VALHALLA_START_TIMEOUT_MS: defaulted(
    integer(0, 600_000, 'ms, 0 to 600000'),
    '30000',
    'How long a start waits for a PostgreSQL server that does not answer, also while it migrates (6000 at first); 0 tries once.',
  ),
  VALHALLA_SHUTDOWN_GRACE_MS: defaulted(
    integer(0, 600_000, 'ms, 0 to 600000'),
    '10000',
    'How long running requests may take to end when the service is told to stop.',
  ),
  VALHALLA_ALLOW_SECRET_VALUES: defaulted(
    bool,
    'false',
    'Lets an ADMIN store a config value that looks like a secret; each time is audited.',
  ),
  VALHALLA_CORS_ORIGINS: optional(origins, 'Origins whose pages may call this service from a browser; none when unset.'),
  VALHALLA_MAX_BODY_BYTES: defaulted(
    integer(1_024, 16_777_216, 'bytes, 1024 to 16777216'),
    '262144',
    'Largest body of an HTTP request; whoever may run admin operations may send 2 MiB.',
  ),
  VALHALLA_MAX_ANSWER_BYTES: defaulted(
    integer(65_536, 134_217_728, 'bytes, 65536 to 134217728'),
    '8388608',
    'Largest answer to one operation; what would be larger is refused.',
  ),
})

/** Every variable with its documentation, in the order in which they are shown. */
export const SETTINGS_VARIABLES: readonly VariableInfo[] = Object.entries(VARIABLES.shape).map(([name, schema]) => {
  const info = about.get(schema)
  if (!info) throw new TypeError(`the setting ${name} is not documented`)
  return { name, ...info }
})

/** The settings the whole program runs on, frozen; what they mean stands in the table above, units in their names. */
export type Settings = Readonly<ReturnType<typeof toSettings>>

function toSettings(values: z.output<typeof VARIABLES>) {
  const none: readonly string[] = Object.freeze([])
  return {
    port: values.PORT,
    host: values.HOST,
    nodeEnv: values.NODE_ENV,
    isProduction: values.NODE_ENV === 'production',
    isDevelopment: values.NODE_ENV === 'development',
    logLevel: values.LOG_LEVEL,
    databaseUrl: values.DATABASE_URL,
    redisUrl: values.REDIS_URL,
    /** Absolute. */
    dataDir: resolve(values.VALHALLA_DATA_DIR),
    environmentName: values.VALHALLA_ENV ?? values.NODE_ENV,
    region: values.VALHALLA_REGION,
    adminKey: values.VALHALLA_ADMIN_KEY,
    keyPepper: values.VALHALLA_KEY_PEPPER,
    auditKey: values.VALHALLA_AUDIT_KEY,
    /** Without a slash at its end. */
    publicUrl: values.VALHALLA_PUBLIC_URL,
    /** 0: for ever. */
    changeRetentionDays: values.VALHALLA_CHANGE_RETENTION_DAYS,
    /** 0: for ever. */
    auditRetentionDays: values.VALHALLA_AUDIT_RETENTION_DAYS,
    /** 0: no limit. */
    authFailuresPerMinute: values.VALHALLA_AUTH_FAILURES_PER_MINUTE,
    trustedProxies: values.VALHALLA_TRUSTED_PROXIES,
    /** As `URL.origin` writes them. */
    smokeAllowedOrigins: values.SMOKE_ALLOWED_ORIGINS ?? none,
    diskReserveBytes: values.VALHALLA_DISK_RESERVE_MB * 1024 * 1024,
    writeTimeoutMs: values.VALHALLA_WRITE_TIMEOUT_MS,
    shutdownDelayMs: values.VALHALLA_SHUTDOWN_DELAY_MS ?? (values.NODE_ENV === 'production' ? PRODUCTION_SHUTDOWN_DELAY_MS : 0),
    /** 0: one try. */
    startTimeoutMs: values.VALHALLA_START_TIMEOUT_MS,
    shutdownGraceMs: values.VALHALLA_SHUTDOWN_GRACE_MS,
    isSecretValueAllowed: values.VALHALLA_ALLOW_SECRET_VALUES,
    /** As `URL.origin` writes them. */
    corsOrigins: values.VALHALLA_CORS_ORIGINS ?? none,
    maxBodyBytes: values.VALHALLA_MAX_BODY_BYTES,
    maxAnswerBytes: values.VALHALLA_MAX_ANSWER_BYTES,
  }
}

/** Settings, or every reason why there are none, one line each, none of which shows a secret. */
export type SettingsResult = { readonly ok: true; readonly settings: Settings } | { readonly ok: false; readonly faults: string[] }

/**
 * Reads settings from `env`. An empty variable counts as unset. A `VALHALLA_*` variable that nobody reads is a fault,
 * since a misspelt setting would otherwise be passed over in silence.
 */
export function loadSettings(env: NodeJS.ProcessEnv): SettingsResult {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = VARIABLES.safeParse(given)
  const faults = parsed.success ? [] : parsed.error.issues.map((issue) => faultLine(issue, given))
  faults.push(...unknownVariables(given), ...(parsed.success ? missingSecrets(parsed.data) : []))
  return parsed.success && faults.length === 0 ? { ok: true, settings: Object.freeze(toSettings(parsed.data)) } : { ok: false, faults }
}

/** Reads the settings of this process. */
export function readSettings(): SettingsResult {
  return loadSettings(process.env)
}

/** Shows a value only where it can be nothing but a number or one of a few words: a secret may land in any variable. */
function faultLine(issue: z.core.$ZodIssue, given: Readonly<Record<string, string | undefined>>): string {
  const name = String(issue.path[0])
  const value = given[name] ?? ''
  const isShown = /^-?[\d._]{1,20}$/.test(value) || /^[a-z]{1,12}$/i.test(value)
  const isSecret = SETTINGS_VARIABLES.some((variable) => variable.name === name && variable.isSecret)
  return `${name} ${issue.message}${isShown && !isSecret ? `, is ${JSON.stringify(value)}` : ''}`
}

/** In production nobody can be left to believe that keys and log are protected. */
function missingSecrets(values: z.output<typeof VARIABLES>): string[] {
  if (values.NODE_ENV !== 'production' || values.VALHALLA_ALLOW_UNKEYED) return []
  const missing = (['VALHALLA_KEY_PEPPER', 'VALHALLA_AUDIT_KEY'] as const).filter((name) => values[name] === undefined)
  if (missing.length === 0) return []
  const are = missing.length === 1 ? 'is' : 'are'
  return [
    `${missing.join(' and ')} ${are} not set, which NODE_ENV=production demands; set long random texts that are kept as long as the data is, or VALHALLA_ALLOW_UNKEYED=true for a trial`,
  ]
}

function unknownVariables(given: Readonly<Record<string, string | undefined>>): string[] {
  const known = SETTINGS_VARIABLES.map((variable) => variable.name)
  const unknown = Object.keys(given).filter((name) => name.startsWith('VALHALLA_') && !known.includes(name))
  return unknown.sort().map((name) => {
    const close = closest(name, known)
    return `${name} is not a setting${close === undefined ? '' : `; did you mean ${close}?`}`
  })
}

/** The name with the fewest edits to `name`, when that is at most a third of what follows the prefix. */
function closest(name: string, names: readonly string[]): string | undefined {
  const ranked = names.map((candidate) => ({ candidate, distance: editDistance(name, candidate) })).sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best && best.distance <= Math.max(2, (name.length - 'VALHALLA_'.length) / 3) ? best.candidate : undefined
}

/** The Levenshtein distance: how many characters to add, remove or replace to get from one text to the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < to.length; j++) {
      const replaced = (row[j] ?? 0) + (from[i] === to[j] ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
