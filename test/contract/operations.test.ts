import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { loadSettings, SETTINGS_VARIABLES } from '../../src/core/platform/settings.js'
import { startTestServer, type TestServer } from '../testkit/server.js'

const page = readFileSync('docs/operations.md', 'utf8')

describe('docs/operations.md', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer()
  })
  afterAll(() => server.close())

  it('has a row for every metric of the server, and for no other', async () => {
    const response = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${server.adminKey}` } })
    const shown = [...(await response.text()).matchAll(/^# HELP (valhalla_\S+)/gm)].map(([, name = '']) => name)
    const described = [...page.matchAll(/^\| `(valhalla_\w+)` \|/gm)].map(([, name = '']) => name)
    expect(described.sort()).toEqual(shown.sort())
  })

  it('has a row for every message that is logged for operators, and for no other', () => {
    const described = [...page.matchAll(/^\| (\w+) \| `([^`]+)` \|/gm)].map(
      ([, level, text = '']) => `${level} ${text.replaceAll(/<.*?>/g, '<>')}`,
    )
    expect(described.sort()).toEqual(loggedMessages().sort())
  })

  it('names settings that there are', () => {
    const known = new Set(SETTINGS_VARIABLES.map(({ name }) => name))
    const named = [...page.matchAll(/\bVALHALLA_[A-Z_]+\b/g)].map(([name]) => name)
    expect([...new Set(named)].filter((name) => !known.has(name))).toEqual([])
  })
})

describe('compose.yaml', () => {
  interface Service {
    readonly environment?: Readonly<Record<string, string>>
    readonly depends_on?: Readonly<Record<string, unknown>>
    readonly volumes?: readonly string[]
  }
  const { services, volumes } = parse(readFileSync('compose.yaml', 'utf8'), { merge: true }) as {
    readonly services: Readonly<Record<string, Service>>
    readonly volumes: Readonly<Record<string, unknown>>
  }

  it('gives two replicas settings that they take', () => {
    for (const name of ['valhalla-1', 'valhalla-2']) {
      const given = Object.entries(services[name]?.environment ?? {})
      const value = (text: string): string =>
        text.replaceAll(/\$\{VALHALLA_ADMIN_KEY:[^}]*\}/g, `vk_live_${'a'.repeat(12)}_${'b'.repeat(32)}_1zZ`)
      const filled = given.map(([key, text]) => [key, value(text).replaceAll(/\$\{[^}]*\}/g, 'filled-in-by-dot-env')])
      expect(loadSettings(Object.fromEntries(filled))).toMatchObject({
        ok: true,
        settings: { trustedProxies: 1, environmentName: 'compose' },
      })
    }
  })

  it('names services and volumes that there are, and the balancer knows the replicas', () => {
    const awaited = Object.values(services).flatMap(({ depends_on = {} }) => Object.keys(depends_on))
    expect(awaited.filter((name) => !(name in services))).toEqual([])
    const mounted = Object.values(services).flatMap(({ volumes: all = [] }) => all.map((each) => each.split(':')[0] ?? ''))
    expect(mounted.filter((name) => !name.startsWith('.')).filter((name) => !(name in volumes))).toEqual([])
    const balanced = [...readFileSync('deploy/haproxy.cfg', 'utf8').matchAll(/^ {2}server \S+ ([^:\s]+):4000$/gm)].map(([, name]) => name)
    expect(balanced).toEqual(Object.keys(services).filter((name) => name.startsWith('valhalla-')))
  })
})

/** Level and text of each message in the sources; what is put into it is `<>`. */
function loggedMessages(): string[] {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  const sources = files.filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('generated'))
  const found = sources.flatMap((file) => messagesIn(readFileSync(join('src', file), 'utf8')))
  return [...new Set(found)]
}

function messagesIn(source: string): string[] {
  return [...source.matchAll(/\blog\.(info|warn|error|fatal)\(/g)].flatMap(({ 1: level = '', index, 0: start }) => {
    const call = argumentsFrom(source, index + start.length)
    // Members of the line are no messages: those are the last argument, or what its condition chooses from.
    const last = call.slice(call.lastIndexOf('},') + 1)
    const texts = [...last.matchAll(/'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`/g)].map(([, plain, template]) => plain ?? template ?? '')
    return texts.map((text) => `${level} ${text.replaceAll(/\$\{.*?\}/g, '<>')}`)
  })
}

/** The text up to the parenthesis that closes the call. */
function argumentsFrom(source: string, start: number): string {
  let depth = 1
  let end = start
  for (; depth > 0 && end < source.length; end += 1) depth += source[end] === '(' ? 1 : source[end] === ')' ? -1 : 0
  return source.slice(start, end - 1)
}
