import { usage } from '../fault.js'
import { environment } from '../platform.js'
import { type Profile, readProfiles } from './profiles.js'
import type { Target } from './transport.js'

/** Where a command line without any settings looks: at the default address of a server on this machine. */
export const DEFAULT_URL = 'http://127.0.0.1:4000'

/** What the command line says about where to go. */
export interface TargetOptions {
  readonly profile?: string
  readonly url?: string
}

/** A target, and whether changes of it have to say why. */
export interface ResolvedTarget extends Target {
  readonly isProduction: boolean
  /** The profile that it comes from, if any. */
  readonly profileName: string | undefined
}

/**
 * Where to go, and with which key. `--profile` was typed, and goes before the environment: `--url`, then the profile's address; the
 * profile's key, then VALHALLA_KEY. Without it: `--url`, then VALHALLA_URL, then the profile's address; VALHALLA_KEY, then the
 * profile's key, of VALHALLA_PROFILE or else the current profile. The key of a profile goes nowhere but to its own address.
 */
export async function resolveTarget(options: TargetOptions): Promise<ResolvedTarget> {
  const { name, profile } = await chooseProfile(options.profile ?? (environment['VALHALLA_PROFILE'] || undefined))
  const isTyped = options.profile !== undefined
  const given = options.url ?? ((!isTyped && environment['VALHALLA_URL']) || undefined)
  const url = readUrl(given ?? profile?.url ?? DEFAULT_URL)
  const isOwn = profile !== undefined && readUrl(profile.url) === url
  const own = isOwn ? profile.key : undefined
  const set = environment['VALHALLA_KEY'] || undefined
  const key = isTyped ? (own ?? set) : (set ?? own)
  return { url, key, isProduction: isOwn && profile.isProduction, profileName: isOwn ? name : undefined }
}

async function chooseProfile(asked: string | undefined): Promise<{ name?: string; profile?: Profile }> {
  const isSettled = environment['VALHALLA_URL'] && environment['VALHALLA_KEY']
  if (asked === undefined && isSettled) return {}
  const { current, profiles } = await readProfiles()
  const name = asked ?? current ?? undefined
  if (name === undefined) return {}
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined
  if (profile) return { name, profile }
  throw usage(
    `there is no profile "${name}"`,
    `make it with \`valhalla login --profile ${name}\`; \`valhalla profile list\` shows what there is`,
  )
}

/** An address of a control plane: http or https, without a slash or /graphql at its end. */
export function readUrl(text: string): string {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw usage(`"${text}" is no URL`, `it looks like ${DEFAULT_URL}`)
  }
  if (!/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw usage('the URL must begin with http:// or https://, and hold no user and no password', `it looks like ${DEFAULT_URL}`)
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/graphql$/, '')}`
}
