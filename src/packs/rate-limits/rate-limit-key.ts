import { type UserErrorData, userError } from '../../core/contract/errors.js'
import { ANY_SUBJECT, type RateLimitScope, userSubject } from '../../core/contract/limiter.js'
import { ipSubject } from '../../core/values/ip-subject.js'

/** A key in the form in which it is counted, or why it is none. */
export type KeyResult = { readonly ok: true; readonly key: string } | { readonly ok: false; readonly fault: UserErrorData }

/** Ids of API clients are UUIDs (RFC 9562). */
const CLIENT_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** `<client id>:<user>`, the user in visible ASCII and spaces. */
const USER_KEY = /^([0-9a-f-]{36}):([\x20-\x7e]{1,200})$/
/** Longest name of a user that is looked at. */
const MAX_USER_LENGTH = 1_000

const WHAT: Readonly<Record<RateLimitScope, string>> = {
  IP: 'an IP address, such as 192.0.2.7 or 2001:db8:0:1::/64 (IPv6 addresses are counted by their /64)',
  API_KEY: 'the id of an API client',
  USER: 'the id of an API client, a colon and the user as that client names it in X-Valhalla-User',
  GLOBAL: '"*", since everybody is counted together',
}

/** The key of a rule: "*" for each subject of the scope, or one subject. */
export function ruleKey(scope: RateLimitScope, key: string): KeyResult {
  return key === ANY_SUBJECT
    ? { ok: true, key }
    : fitting(subjectKey(scope, key), { scope, key, also: scope === 'GLOBAL' ? '' : ', or "*"' })
}

/** The key of one subject to be counted; a user that names no client is the calling client's own. */
export function countedKey(scope: RateLimitScope, key: string, clientId: string): KeyResult {
  const subject = subjectKey(scope, key)
  const isOwnUser = scope === 'USER' && subject === undefined && key !== '' && key.length <= MAX_USER_LENGTH && key !== ANY_SUBJECT
  return fitting(isOwnUser ? userSubject(clientId, key) : subject, { scope, key, also: scope === 'USER' ? ', or a user of your own' : '' })
}

function subjectKey(scope: RateLimitScope, key: string): string | undefined {
  switch (scope) {
    case 'IP':
      return ipSubject(key)
    case 'API_KEY':
      return CLIENT_ID.test(key.toLowerCase()) ? key.toLowerCase() : undefined
    case 'USER':
      return userKey(key)
    case 'GLOBAL':
      return key === ANY_SUBJECT ? key : undefined
    default:
      return scope satisfies never
  }
}

function userKey(key: string): string | undefined {
  const [, clientId = '', user = ''] = USER_KEY.exec(key) ?? []
  return CLIENT_ID.test(clientId) ? userSubject(clientId, user) : undefined
}

function fitting(subject: string | undefined, { scope, key, also }: { scope: RateLimitScope; key: string; also: string }): KeyResult {
  if (subject !== undefined) return { ok: true, key: subject }
  if (key === '')
    return { ok: false, fault: userError('REQUIRED', ['key'], `The key must not be empty: for ${scope} it is ${WHAT[scope]}${also}.`) }
  return { ok: false, fault: userError('INVALID', ['key'], `For ${scope} the key is ${WHAT[scope]}${also}.`) }
}
