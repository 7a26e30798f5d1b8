import type { Command } from 'commander'
import { type Cli, does, type Given, textIn } from '../../cli.js'
import { graphql } from '../../connection/document.js'
import { keepProfile, type Profile, profilesFile, readProfiles, writeProfiles } from '../../connection/profiles.js'
import { DEFAULT_URL, readUrl } from '../../connection/target.js'
import { ask } from '../../connection/transport.js'
import { usage } from '../../fault.js'
import type { View } from '../../output/output.js'
import { plain } from '../../output/text.js'
import { environment } from '../../platform.js'
import { readKey } from './key-input.js'

const VIEWER = graphql(`
  query Login { viewer { role environment isProduction apiClient { name } } }
`)

type NamedProfile = Omit<Profile, 'key'> & { readonly name: string; readonly isCurrent: boolean }

const view: View<NamedProfile> = {
  name: ({ name }) => name,
  columns: [
    ['profile', ({ name }) => name],
    ['url', ({ url }) => url],
    ['current', ({ isCurrent }) => (isCurrent ? 'current' : '')],
    ['production', ({ isProduction }) => (isProduction ? 'production' : '')],
  ],
}

/** `valhalla login`, `logout`, `profile ...` */
export function addLoginCommands(program: Command): void {
  const login = program
    .command('login')
    .description('Keep an address and a key as a profile, for your eyes alone. The key is asked for, or read from standard input.')
    .option('--key-stdin', 'read the key from standard input')
    .option('--production', 'changes have to say why (--reason); the default where the server says that it is production')
    .option('--no-production', 'changes need not say why')
  does(login, logIn)
  const logout = program.command('logout').description('Forget a profile: the current one, or the one of --profile.')
  does(logout, async (cli, _args, given) => {
    const name = await takeOut(given)
    cli.out.say(`Forgot the profile ${name}.`)
  })
  const profile = program.command('profile').description('The control planes that you have logged in to.')
  does(profile.command('list').description('List profiles, without their keys.'), async (cli) => {
    const { current, profiles } = await readProfiles()
    const rows = Object.entries(profiles).map(([name, { url, isProduction }]) => ({ name, url, isProduction, isCurrent: name === current }))
    await cli.out.rows(rows, view)
  })
  does(profile.command('use <name>').description('Make a profile the current one.'), async (cli, [name = '']) => {
    const known = await readProfiles()
    if (!Object.hasOwn(known.profiles, name)) throw usage(`there is no profile "${name}"`, '`valhalla profile list` shows them')
    await writeProfiles({ ...known, current: name })
    cli.out.say(`The current profile is ${name}: ${known.profiles[name]?.url}`)
  })
}

async function logIn(cli: Cli, _args: readonly string[], given: Given): Promise<void> {
  const url = readUrl(textIn(given, 'url') ?? (environment['VALHALLA_URL'] || DEFAULT_URL))
  const { protocol, hostname, host } = new URL(url)
  if (protocol === 'http:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)) {
    cli.out.say(`warning: ${url} is not https: whoever is on the way can read the key`)
  }
  const key = await readKey(cli, given)
  const { viewer } = await ask({ url, key }, VIEWER, {})
  const isProduction = typeof given['production'] === 'boolean' ? given['production'] : viewer.isProduction
  const name = textIn(given, 'profile') ?? host.replaceAll(/[^a-z0-9._-]/gi, '-')
  await keepProfile(name, { url, key, isProduction })
  cli.out.say(`Logged in to ${url} (${plain(viewer.environment)}) as ${plain(viewer.apiClient?.name ?? 'unknown')} (${viewer.role}).`)
  cli.out.say(`Kept as the profile ${name}${isProduction ? ', production' : ''}, in ${await profilesFile()}`)
}

async function takeOut(given: Given): Promise<string> {
  const { current, profiles } = await readProfiles()
  const name = textIn(given, 'profile') ?? current
  if (name === null || !Object.hasOwn(profiles, name)) throw usage(`there is no profile "${name ?? ''}" to forget`)
  const others = Object.fromEntries(Object.entries(profiles).filter(([each]) => each !== name))
  // Nobody else steps in its place: what is sent next would go to a system that nobody has named.
  await writeProfiles({ current: current === name ? null : current, profiles: others })
  return name
}
