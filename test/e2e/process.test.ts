import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, ENGINES } from '../testkit/databases.js'
import { anyServer, builtServer } from '../testkit/server-process.js'
import { startTcpProxy } from '../testkit/tcp-proxy.js'
import { until } from '../testkit/until.js'

/** The program itself in a process of its own. */
interface Program {
  readonly child: ChildProcess
  readonly exit: Promise<number | null>
  stdout(): string
  stderr(): string
}

/** A busy machine takes its time; what must not wait for the end of a time would wait for these. */
const PATIENT = { VALHALLA_WRITE_TIMEOUT_MS: '60000', VALHALLA_SHUTDOWN_GRACE_MS: '600000' }

const running: ChildProcess[] = []
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'valhalla-process-'))
})
afterAll(async () => {
  for (const child of running) if (child.exitCode === null) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

function run(args: readonly string[], env: Record<string, string> = {}, output: number | 'pipe' = 'pipe'): Program {
  return start([process.execPath, ...anyServer(), ...args], env, output)
}

/** `output` is where it writes: to us, or into an open file. */
function start([command = '', ...args]: readonly string[], env: Record<string, string>, output: number | 'pipe' = 'pipe'): Program {
  const child = spawn(command, args, {
    stdio: ['ignore', output, 'pipe'],
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      VALHALLA_DATA_DIR: join(folder, 'data'),
      VALHALLA_DISK_RESERVE_MB: '0',
      ...PATIENT,
      ...env,
    },
  })
  running.push(child)
  const texts = { stdout: '', stderr: '' }
  child.stdout?.on('data', (data) => {
    texts.stdout += String(data)
  })
  child.stderr?.on('data', (data) => {
    texts.stderr += String(data)
  })
  const exit = once(child, 'close').then(([code]) => code as number | null)
  return { child, exit, stdout: () => texts.stdout, stderr: () => texts.stderr }
}

/** The port that a program says it listens on. */
async function portOf(program: Program): Promise<number> {
  await until(() => program.child.exitCode !== null || program.stdout().includes('"port":'))
  if (program.child.exitCode !== null) throw new Error(`it has ended: ${program.stdout()}${program.stderr()}`)
  return Number(/"port":(\d+)/.exec(program.stdout())?.[1])
}

/** What is in a pipe now. */
function takeFrom(pipe: number): string {
  const block = Buffer.alloc(65_536)
  let length = 0
  withoutWaiting(() => {
    length = readSync(pipe, block)
  })
  return block.toString('utf8', 0, length)
}

/** Puts so much into a pipe that not a byte more goes in. */
function fill(pipe: number): void {
  for (const size of [4_096, 1]) while (withoutWaiting(() => writeSync(pipe, ' '.repeat(size))));
}

/** False when a pipe could not be used without waiting. */
function withoutWaiting(work: () => void): boolean {
  try {
    work()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    return false
  }
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '')

describe('the command line', () => {
  it('prints help and ends with 0', async () => {
    const program = run(['--help'], { PORT: 'nonsense' })
    expect(await program.exit).toBe(0)
    expect(program.stdout()).toContain('Usage: node dist/main.js [--help]')
    expect(program.stderr()).toBe('')
  })

  it('refuses what it does not know with one line and 64', async () => {
    for (const argument of ['--prot=1', 'start']) {
      const program = run([argument])
      expect(await program.exit).toBe(64)
      expect(linesOf(program.stderr())).toEqual([expect.stringContaining('--help shows what there is')])
    }
  })

  it('names every fault of the settings on a line of its own, and ends with 78', async () => {
    const program = run([], { PORT: '70000', LOG_LEVEL: 'loud' })
    expect(await program.exit).toBe(78)
    expect(linesOf(program.stderr())).toEqual([expect.stringMatching(/^PORT /), expect.stringMatching(/^LOG_LEVEL /)])
    expect(program.stdout()).toBe('')
  })

  it('says in one line that the database cannot be reached, without its password', async () => {
    const program = run([], { DATABASE_URL: 'postgresql://somebody:a-password@127.0.0.1:1/valhalla', VALHALLA_START_TIMEOUT_MS: '0' })
    expect(await program.exit).toBe(1)
    expect(linesOf(program.stderr())).toHaveLength(1)
    expect(program.stderr() + program.stdout()).not.toContain('a-password')
  })

  it.runIf(ENGINES.includes('postgresql'))('waits for a database that does not answer yet, and says so', async () => {
    const { url, drop } = await createTestDatabase()
    const proxy = await startTcpProxy(url)
    proxy.stall()
    const program = run([], { DATABASE_URL: proxy.url, VALHALLA_START_TIMEOUT_MS: '600000' })
    await until(() => program.stdout().includes('the database does not answer yet'))
    await proxy.restore()
    expect(await portOf(program)).toBeGreaterThan(0)
    program.child.kill()
    expect(await program.exit).toBe(0)
    await proxy.close()
    await drop()
  })

  it('says in one line that the port is in use, and lets go of the database', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const program = run([], { PORT: String(port) })
    expect(await program.exit).toBe(1)
    expect(linesOf(program.stderr())).toEqual([`port ${port} on 127.0.0.1 is in use: stop the other program, or set PORT to another one`])
    other.close()
  })
})

describe('a signal', () => {
  it('lets a running request end, takes no new ones, and ends with 0; what was written is there after the next start', async () => {
    const dataDir = join(folder, 'signal')
    const program = run([], { VALHALLA_DATA_DIR: dataDir })
    const port = await portOf(program)
    const keyFile = `${dataDir}.admin-key`
    expect(((await stat(keyFile)).mode & 0o777).toString(8)).toBe('600')
    const key = (await readFile(keyFile, 'utf8')).trim()
    const body = JSON.stringify({ query: 'mutation { setFeatureFlag(input: { key: "last-words" }) { revision userErrors { code } } }' })
    const socket = connect(port, '127.0.0.1')
    const head = `POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nauthorization: Bearer ${key}\r\ncontent-length: ${body.length}\r\nexpect: 100-continue\r\n\r\n`
    socket.write(head + body.slice(0, 10))
    await once(socket, 'data')
    program.child.kill('SIGTERM')
    await until(() => program.stdout().includes('"msg":"stopping"'))
    await expect(fetch(`http://127.0.0.1:${port}/livez`)).rejects.toThrow('fetch failed')
    let answer = ''
    socket.on('data', (data) => {
      answer += String(data)
    })
    socket.write(body.slice(10))
    await once(socket, 'close')
    expect(answer).toContain('HTTP/1.1 200 OK')
    expect(answer.toLowerCase()).toContain('connection: close')
    const { revision } = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))).data.setFeatureFlag
    expect(await program.exit).toBe(0)
    expect(program.stdout()).not.toContain(key)
    expect(linesOf(program.stdout()).at(-1)).toContain(`"revision":${revision}`)
    const again = run([], { VALHALLA_DATA_DIR: dataDir })
    const response = await fetch(`http://127.0.0.1:${await portOf(again)}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': key },
      body: '{"query":"{ featureFlag(key: \\"last-words\\") { key } }"}',
    })
    expect(await response.json()).toEqual({ data: { featureFlag: { key: 'last-words' } } })
    again.child.kill('SIGINT')
    expect(await again.exit).toBe(0)
  })

  it('ends it in order as well when whoever should read its output is there but reads no more', async () => {
    const path = join(folder, 'pipe')
    execFileSync('mkfifo', [path])
    const reader = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
    const output = openSync(path, constants.O_WRONLY)
    const program = run([], { VALHALLA_DATA_DIR: join(folder, 'unread') }, output)
    closeSync(output)
    let said = ''
    await until(() => {
      said += takeFrom(reader)
      return said.includes('"port":')
    })
    fill(reader)
    program.child.kill('SIGTERM')
    expect(await program.exit).toBe(0)
    closeSync(reader)
  })

  it.runIf(builtServer())('ends it in order as well when `npm start` gets it, with nothing left behind', async () => {
    const program = start(['npm', 'start'], { VALHALLA_DATA_DIR: join(folder, 'npm') })
    const port = await portOf(program)
    program.child.kill('SIGTERM')
    await until(() => program.stdout().includes('"msg":"stopped"'))
    await program.exit
    await expect(fetch(`http://127.0.0.1:${port}/livez`)).rejects.toThrow('fetch failed')
  })

  it('that comes a second time ends the process at once', async () => {
    const program = run([], { VALHALLA_DATA_DIR: join(folder, 'twice') })
    const port = await portOf(program)
    const socket = connect(port, '127.0.0.1').on('error', () => undefined)
    const key = (await readFile(join(folder, 'twice.admin-key'), 'utf8')).trim()
    socket.write(
      `POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nx-api-key: ${key}\r\ncontent-length: 50\r\nexpect: 100-continue\r\n\r\n{`,
    )
    await once(socket, 'data')
    program.child.kill('SIGTERM')
    await until(() => program.stdout().includes('"msg":"stopping"'))
    program.child.kill('SIGTERM')
    expect(await program.exit).toBe(1)
  })
})
