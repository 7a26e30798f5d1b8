import { spawnSync } from 'node:child_process'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EXIT_USAGE } from '../../src/core/platform/command-line.js'
import { generateApiKey } from '../../src/packs/api-clients/keys/api-key.js'
import { askOverHttp, builtServer, launchServer, type Program, type StartingServer } from '../testkit/server-process.js'
import { fail, messageOf, readRounds } from './plan.js'

/**
 * `npm run fault:disk -- --rounds 4`: fills the disk under the embedded database while the built server writes, stops the server,
 * makes room and starts it again, in turn with a reserve (writes are refused before the disk is full) and without one. Exits with 1
 * when something that was acknowledged is gone, when a refusal does not say why, or when the server does not end in order; with 64
 * when the command line cannot be understood. Where no file system can be mounted it says so, and exits with 0.
 */
const SIZE_MB = 64
const RESERVE_MB = 8
const WRITES = 24
const VALUE = 'x'.repeat(8_192)
const SET = 'mutation ($input: SetConfigInput!) { setConfig(input: $input) { userErrors { message } } }'
const READ = '{ configs(first: 100) { nodes { key } } auditIntegrity { isIntact } }'
/** What a write that is refused says: before the disk is full, and when it is. */
const REFUSAL = /^The disk (?:is nearly|of the database is) full: nothing can be changed until there is room\./
/** The ways in which the server may end then: its code, and what it says at last. */
const ENDINGS: readonly { readonly name: string; readonly code: number; readonly words: RegExp }[] = [
  { name: 'in order', code: 0, words: /"msg":"stopped"/ },
  {
    name: 'to be recovered',
    code: 0,
    words: /^stopped, but the embedded database could not be closed in order, and is recovered at the next start: /m,
  },
  { name: 'by itself', code: 1, words: /^the embedded database cannot go on: /m },
]

/** What one round came to; `faults` is empty when all was well. */
interface Round {
  readonly acknowledged: number
  readonly refused: number
  readonly ending: string
  readonly faults: readonly string[]
}

/** A small file system of its own, on which one server works after the other. */
class SmallDisk {
  readonly #folder: string
  readonly #settings: Record<string, string>
  readonly #program: Program
  readonly #key = generateApiKey('live')

  private constructor(folder: string, program: Program, reserveMb: number) {
    this.#folder = folder
    this.#program = program
    this.#settings = {
      VALHALLA_ADMIN_KEY: this.#key,
      VALHALLA_DATA_DIR: join(folder, 'data'),
      VALHALLA_DISK_RESERVE_MB: String(reserveMb),
    }
  }

  /** Undefined where nothing can be mounted. */
  static async mount(program: Program, reserveMb: number): Promise<SmallDisk | undefined> {
    const folder = await mkdtemp(join(tmpdir(), 'valhalla-disk-'))
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MB}m`, 'tmpfs', folder])
    if (status === 0) return new SmallDisk(folder, program, reserveMb)
    await rm(folder, { recursive: true })
    return undefined
  }

  /** Throws when it cannot, and leaves everything as it is then. */
  async unmount(): Promise<void> {
    const { status, stderr } = spawnSync('umount', [this.#folder], { encoding: 'utf8' })
    if (status !== 0) throw new Error(`${this.#folder} could not be unmounted: ${stderr}`)
    await rm(this.#folder, { recursive: true })
  }

  /** Starts a server for `work`, which stops it; one that is left is killed. */
  async whileServed<T>(work: (server: StartingServer, url: string) => Promise<T>): Promise<T> {
    const server = launchServer(this.#program, this.#settings)
    try {
      return await work(server, (await server.ready).url)
    } finally {
      await server.kill()
    }
  }

  /** Takes everything that is left. */
  fill(): void {
    const file = openSync(join(this.#folder, 'filler'), 'w')
    const block = Buffer.alloc(4_096)
    try {
      for (;;) writeSync(file, block)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    } finally {
      closeSync(file)
    }
  }

  makeRoom(): void {
    rmSync(join(this.#folder, 'filler'))
  }

  /** Sets an entry; undefined when that is acknowledged, else what is said instead (nothing, when the server ended on it). */
  async write(url: string, key: string): Promise<string | undefined> {
    const input = { key, value: VALUE }
    const answer = await askOverHttp(url, { key: this.#key, query: SET, variables: { input } }).catch(() => undefined)
    if (answer === undefined) return ''
    return answer.errors?.[0]?.message ?? answer.data?.['setConfig']?.['userErrors']?.[0]?.['message']
  }

  /** Keys of all entries, and whether the change log is intact. */
  async read(url: string): Promise<{ readonly keys: ReadonlySet<string>; readonly isIntact: boolean }> {
    const { data, errors } = await askOverHttp(url, { key: this.#key, query: READ })
    if (errors || !data) throw new Error(`a read failed: ${JSON.stringify(errors)}`)
    const { configs, auditIntegrity } = data as unknown as { configs: { nodes: { key: string }[] }; auditIntegrity: { isIntact: boolean } }
    return { keys: new Set(configs.nodes.map(({ key }) => key)), isIntact: auditIntegrity.isIntact }
  }
}

/** Writes on while the disk is full, and stops the server if it still runs. */
async function runInto(
  { disk, server, url }: { disk: SmallDisk; server: StartingServer; url: string },
  acknowledged: Set<string>,
): Promise<Pick<Round, 'refused' | 'ending' | 'faults'>> {
  const [refusals, faults]: [string[], string[]] = [[], []]
  const writeAll = async (name: string): Promise<void> => {
    for (let index = 0; index < WRITES; index += 1) {
      const said = await disk.write(url, `${name}-${index}`)
      if (said === undefined) acknowledged.add(`${name}-${index}`)
      else refusals.push(said)
    }
  }
  await writeAll('before')
  if (refusals.length > 0) faults.push('a write was refused before the disk was full')
  disk.fill()
  await writeAll('full')
  for (const said of new Set(refusals)) if (said !== '' && !REFUSAL.test(said)) faults.push(`refused with: ${said}`)
  const code = await server.stop()
  const ending = ENDINGS.find((each) => code === each.code && each.words.test(server.output()))
  if (!ending) faults.push(`it ended with ${code}:\n${server.output().split('\n').slice(-3).join('\n')}`)
  return { refused: refusals.length, ending: String(ending?.name), faults }
}

async function runRound(disk: SmallDisk): Promise<Round> {
  const acknowledged = new Set<string>()
  const { faults, ...full } = await disk.whileServed((server, url) => runInto({ disk, server, url }, acknowledged))
  disk.makeRoom()
  const { keys, isIntact, said, code } = await disk.whileServed(async (server, url) => {
    const found = await disk.read(url)
    return { ...found, said: await disk.write(url, 'after'), code: await server.stop() }
  })
  const lost = [...acknowledged].filter((key) => !keys.has(key))
  return {
    ...full,
    acknowledged: acknowledged.size,
    faults: [
      ...faults,
      ...lost.map((key) => `lost: ${key}`),
      ...(isIntact ? [] : ['the change log is not intact']),
      ...(said === undefined ? [] : [`refused with room: ${said}`]),
      ...(code === 0 ? [] : [`with room, it ended with ${code}`]),
    ],
  }
}

async function run(rounds: number, program: Program): Promise<number> {
  let isWell = true
  for (let round = 0; round < rounds; round += 1) {
    const reserveMb = round % 2 === 0 ? RESERVE_MB : 0
    const disk = await SmallDisk.mount(program, reserveMb)
    if (!disk) return fail('skipped: this user may not mount a file system', 0)
    try {
      const { acknowledged, refused, ending, faults } = await runRound(disk)
      console.log(
        `reserve ${reserveMb} MB: ${acknowledged} acknowledged, ${refused} refused, ended ${ending}: ${faults.length === 0 ? 'ok' : 'BROKEN'}`,
      )
      for (const fault of faults) console.log(fault)
      isWell &&= faults.length === 0
    } finally {
      await disk.unmount()
    }
  }
  return isWell ? 0 : 1
}

async function main(): Promise<number> {
  const rounds = readRounds('4')
  if (typeof rounds === 'string') return fail(rounds, EXIT_USAGE)
  const program = builtServer()
  if (!program) return fail('there is no dist/main.js: run `npm run build` first', 1)
  return run(rounds, program)
}

process.exitCode = await main().catch((error: unknown) => fail(messageOf(error), 1))
