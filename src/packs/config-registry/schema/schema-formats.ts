import { fullFormats } from 'ajv-formats/dist/formats.js'
import { isEcmaPattern } from './linear-regex.js'

/**
 * The formats of JSON Schema 2020-12 that are checked, each with the longest text it can have. The limits keep the
 * backtracking of the checks' own expressions harmless on long values, and follow the formats' own rules where these
 * set one: RFC 3339 (times), RFC 5321 (mail addresses), RFC 1035 (host names), RFC 4291 (IPv6), RFC 9562 (UUID); 2,048
 * is what URIs are commonly limited to.
 */
const LONGEST = {
  date: 10,
  time: 64,
  'date-time': 75,
  duration: 128,
  email: 320,
  hostname: 254,
  ipv4: 15,
  ipv6: 45,
  uuid: 45,
  uri: 2_048,
  'uri-reference': 2_048,
  'uri-template': 2_048,
  'json-pointer': 2_048,
  'relative-json-pointer': 2_048,
  regex: 1_000,
} as const

type FormatName = keyof typeof LONGEST

/** The names of the formats that are checked. */
export const FORMAT_NAMES = Object.keys(LONGEST) as readonly FormatName[]

/** A longer text has no format at all. */
export const LONGEST_FORMATTED = Math.max(...Object.values(LONGEST))

/** Whether a text has a format of {@link FORMAT_NAMES}. */
export function hasFormat(name: FormatName, text: string): boolean {
  if (text.length > LONGEST[name]) return false
  if (name === 'regex') return isEcmaPattern(text)
  const format = fullFormats[name]
  if (format instanceof RegExp) return format.test(text)
  const validate = typeof format === 'object' && 'validate' in format ? format.validate : format
  if (validate instanceof RegExp) return validate.test(text)
  return typeof validate === 'function' && (validate as (value: string) => boolean)(text)
}
