import { spawnSync } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fail, messageOf } from '../fault/plan.js'

/**
 * `npm run differential:plants`: plants a fault in a copy of the sources, one after the other, and looks whether the differential run
 * finds it. Exits with 1 when one is not found, or the place where it belongs is not there any more.
 */
interface Plant {
  readonly name: string
  readonly file: string
  /** What stands there once, and what is put in its place. */
  readonly find: string
  readonly put: string
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** What a run is made of. */
const COPIED = ['src', 'test', 'prisma', 'package.json', 'tsconfig.json', 'schema.graphql']
const CASES = '400'

const ENDPOINT = 'src/server/http/graphql/graphql-endpoint.ts'
const OPERATIONS = 'src/server/operation/operations.ts'
const RUN = `await parts.operations.run({ ...plain, context, startedAtMs, way: 'short' })`
const ADMIT = 'return after(this.admit(asked), ({ headers, error }) => {'

const PLANTS: readonly Plant[] = [
  {
    name: 'a key is checked once, and never again',
    file: ENDPOINT,
    find: 'return authenticator.authenticate(credentialsOf(exchange.request),',
    put: `const held = (authenticator.held ??= new Map())
  const key = exchange.request.headers.authorization
  if (!held.has(key)) held.set(key, authenticator.authenticate(credentialsOf(exchange.request), ''))
  return held.get(key) ?? authenticator.authenticate(credentialsOf(exchange.request),`,
  },
  {
    name: 'an answer is kept and told in another revision',
    file: ENDPOINT,
    find: RUN,
    put: `await ((parts.operations.kept ??= {})[caller.role + JSON.stringify(asked.body)] ??= ${RUN.slice('await '.length)})`,
  },
  {
    name: 'a plan reads the state that it first read',
    file: 'src/server/operation/prepared-operation.ts',
    find: 'if (this.#plan) return',
    put: 'if (this.#plan) contextValue.snapshot = this.#plan.snapshot ??= contextValue.snapshot\n    if (this.#plan) return',
  },
  {
    name: 'a header is dropped',
    file: ENDPOINT,
    find: '...headOf(answered, exchange.request.headers.accept), contentType, body }',
    put: 'status: headOf(answered).status, contentType, body }',
  },
  {
    name: 'a rule is not counted',
    file: OPERATIONS,
    find: ADMIT,
    put: `if (asked.way === 'short') return this.perform(asked)\n    ${ADMIT}`,
  },
  {
    name: 'a rule is not counted on sockets',
    file: 'src/server/socket/socket-operations.ts',
    find: 'return unlessDenied(operations.admit(asked), args)',
    put: 'return args',
  },
  {
    name: 'the guard is not asked by plans',
    file: 'src/server/operation/compiled/plan.ts',
    find: 'const { resolve, isCounted } = uncounted(field)',
    put: `const { resolve: guarded, isCounted } = uncounted(field)
  const resolve = guarded && ((...call: never[]) => {
    const caller = call[2]?.caller
    const context = Object.assign(Object.create(call[2]), { caller: caller && { ...caller, permissions: { has: () => true } } })
    return guarded(call[0], call[1], parentType === parts.schema.getQueryType() ? context : call[2], call[3])
  })`,
  },
  {
    name: 'every way reads the state before the newest',
    file: 'src/server/operation/context.ts',
    find: 'this.snapshot = core.ledger.snapshot',
    put: `const seen = (core.seen ??= [core.ledger.snapshot])
    if (seen.at(-1) !== core.ledger.snapshot) seen.push(core.ledger.snapshot)
    this.snapshot = seen.at(-2) ?? core.ledger.snapshot`,
  },
]

/** What a run says of sources with a fault in them; undefined where it does not find it. */
async function findingOf({ file, find, put }: Plant): Promise<string | undefined> {
  // Below the installed packages, so that a copy finds them.
  const folder = await mkdtemp(join(ROOT, 'node_modules', '.planted-'))
  try {
    for (const path of COPIED) await cp(join(ROOT, path), join(folder, path), { recursive: true })
    const text = await readFile(join(folder, file), 'utf8')
    if (text.split(find).length !== 2) throw new Error(`${file} does not hold this once: ${find}`)
    await writeFile(
      join(folder, file),
      text.replace(find, () => put),
    )
    const run = ['--import', 'tsx', 'test/differential/run.ts', '--seed', '1', '--cases', CASES]
    const { status, stdout, stderr } = spawnSync(process.execPath, run, { cwd: folder, encoding: 'utf8' })
    const found = stdout.split('\n').find((line) => line.startsWith('  * '))
    if (status === 1 && found === undefined) throw new Error(`the run did not get that far: ${stdout.slice(-2_000)}${stderr}`)
    return status === 1 ? found?.slice('  * '.length) : undefined
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function main(): Promise<number> {
  const [wanted = ''] = process.argv.slice(2)
  let isWell = true
  for (const plant of PLANTS.filter(({ name }) => name.includes(wanted))) {
    const finding = await findingOf(plant)
    isWell &&= finding !== undefined
    console.log(`${plant.name}: ${finding === undefined ? 'NOT FOUND' : `found (${finding.replace(/:$/, '')})`}`)
  }
  return isWell ? 0 : 1
}

process.exitCode = await main().catch((error: unknown) => fail(messageOf(error), 1))
