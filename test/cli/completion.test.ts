import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestCli, type TestCli } from '../testkit/cli.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { until } from '../testkit/until.js'

/** Names of API clients that a shell would like to execute; the beginning of each is enough to tell it from the others. */
const HOSTILE = [
  'zqa$(touch pwned)',
  'zqb`touch pwned`',
  "zqc'; touch pwned; '",
  'zqd"$(touch pwned)"',
  'zqe;touch pwned',
  'zqf & touch pwned',
  'zqg|touch pwned>pwned',
  'zqh(touch pwned)',
  'zqi %s $HOME ~ *',
]
/** Line breaks and tabs cannot be passed on: such a name is left out. */
const WITH_BREAK = 'zqz\ntouch pwned\n'

let server: TestServer
let cli: TestCli

beforeAll(async () => {
  server = await startTestServer()
  cli = await createTestCli({ VALHALLA_URL: server.url, VALHALLA_KEY: server.adminKey })
  for (const name of [...HOSTILE, WITH_BREAK]) await server.addClient({ name })
  await cli.run(['flag', 'set', 'checkout/new', '--yes'])
  const bin = join(cli.folder, 'bin')
  mkdirSync(bin)
  // What the shell really passes on, one argument a line in JSON.
  writeFileSync(
    join(bin, 'valhalla'),
    `#!/bin/sh\n'${process.execPath}' -e 'fs.appendFileSync(process.argv[1], JSON.stringify(process.argv.slice(2)) + "\\n")' -- '${join(cli.folder, 'asked')}' "$@"\nexec '${process.execPath}' '${cli.program}' "$@"\n`,
  )
  chmodSync(join(bin, 'valhalla'), 0o755)
})
afterAll(async () => {
  cli.close()
  await server.close()
})

describe('the words', () => {
  const away = { VALHALLA_URL: 'http://127.0.0.1:1' }
  const wordsFor = async (...words: string[]): Promise<string[]> => {
    const { stdout } = await cli.run(['complete', '--', ...words], words.some((word) => word.startsWith('--url')) ? { env: away } : {})
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split('\t')[0] ?? '')
  }

  it('are commands, options, values and names of the server', async () => {
    expect(await wordsFor('fla')).toEqual(['flag'])
    expect(await wordsFor('flag', 'de')).toEqual(['delete'])
    expect(await wordsFor('flag', 'get', 'check')).toEqual(['checkout/new'])
    expect(await wordsFor('-o', 'js')).toEqual(['json'])
    expect(await wordsFor('client', 'register', 'x', '--role', 'OP')).toEqual(['OPERATOR'])
    expect(await wordsFor('flag', 'set', 'x', '--roll')).toEqual(['--rollout'])
    expect(await wordsFor('client', 'get', 'zq')).toEqual(HOSTILE)
    expect(await wordsFor('maintenance', 'set', 'R')).toEqual(['READ_ONLY'])
  })

  it('are those of the server that the line names', async () => {
    expect(await wordsFor('--url', server.url, 'flag', 'get', 'check')).toEqual(['checkout/new'])
    expect(await wordsFor('flag', 'get', `--url=${server.url}`, 'check')).toEqual(['checkout/new'])
    await cli.run(['login', '--profile', 'named', '--key-stdin'], { input: server.adminKey })
    const named = await cli.run(['complete', '--', '--profile', 'named', 'flag', 'get', 'check'], { env: away })
    expect(named.stdout).toBe('checkout/new\t\n')
  })

  it('are none where the server does not answer, without a word', async () => {
    const result = await cli.run(['complete', '--', 'flag', 'get', ''], { env: away })
    expect(result).toEqual({ code: 0, stdout: '', stderr: '' })
  })
})

const SHELLS = {
  bash: { command: 'bash --noprofile --norc -i', source: 'source <(valhalla completion bash)' },
  zsh: { command: 'zsh -f -i', source: 'autoload -U compinit && compinit -D -u && source <(valhalla completion zsh)' },
  fish: { command: 'fish --no-config -i', source: 'valhalla completion fish | source' },
} as const

for (const [shell, { command, source }] of Object.entries(SHELLS)) {
  const isMissing = spawnSync(shell, ['--version']).error !== undefined
  if (isMissing && process.env['CI'] === 'true') throw new Error(`${shell} is not installed`)
  if (isMissing) console.log(`${shell} is not installed: its completion is not tried`)

  describe.skipIf(isMissing)(`${shell}, as it is used`, () => {
    it('passes hostile names on as one argument, and executes none of them', async () => {
      const folder = join(cli.folder, shell)
      mkdirSync(folder)
      const env = { ...cli.env, PATH: `${join(cli.folder, 'bin')}:${cli.env['PATH']}` }
      const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: folder, env })
      child.stdout.resume()
      const type = async (line: string, isSeen: () => boolean): Promise<void> => {
        child.stdin.write(line)
        await until(isSeen)
      }
      const asked = (): string[][] => readLines(join(cli.folder, 'asked'))
      await type(`${source}\n`, () => asked().some((words) => words[0] === 'completion' && words[1] === shell))
      await type('valhalla profile li\t\n', () => asked().some((words) => words.join(' ').startsWith('profile list')))
      const received: string[] = []
      for (const name of HOSTILE) {
        const before = asked().length
        const getting = (): string[] | undefined =>
          asked()
            .slice(before)
            .find((words) => words[0] === 'client' && words[1] === 'get')
        await type(`valhalla client get ${name.slice(0, 3)}\t\n`, () => getting() !== undefined)
        received.push((getting() ?? []).slice(2).join('\u0000'))
      }
      child.stdin.end('exit\n')
      await once(child, 'close')
      expect(received).toEqual(HOSTILE)
      expect(existsSync(join(folder, 'pwned'))).toBe(false)
      writeFileSync(join(cli.folder, 'asked'), '')
    })
  })
}

function readLines(path: string): string[][] {
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as string[])
}
