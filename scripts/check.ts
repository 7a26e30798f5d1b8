import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, resolve } from 'node:path'

/**
 * `npm run check`: every `check:*` script of package.json, as many side by side as there are processors. One that fails
 * stops none of the others; what it printed is shown, and the last line counts. With names as arguments, only those run.
 */
interface Outcome {
  readonly name: string
  readonly isOk: boolean
  readonly seconds: number
}

const PREFIX = 'check:'
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly scripts: Readonly<Record<string, string>> }
const all = Object.keys(scripts).filter((name) => name.startsWith(PREFIX))
const wanted = process.argv.slice(2).map((name) => `${PREFIX}${name}`)
const unknown = wanted.filter((name) => !all.includes(name))
if (unknown.length > 0) {
  console.error(`package.json has no script ${unknown.join(', ')}; there are ${all.join(', ')}`)
  process.exit(2)
}
const queue = wanted.length > 0 ? wanted : all
const outcomes: Outcome[] = []
await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work))

const failed = outcomes.filter(({ isOk }) => !isOk)
if (failed.length > 0) console.error(`failed: ${failed.map(({ name }) => name).join(', ')}`)
console.log(`${outcomes.length - failed.length} passed, ${failed.length} failed`)
if (failed.length > 0 || outcomes.length === 0) process.exitCode = 1

async function work(): Promise<void> {
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) outcomes.push(await runScript(name))
}

/** Runs the script's own command line, as npm would, without npm's time to start. */
async function runScript(name: string): Promise<Outcome> {
  const start = performance.now()
  const { status, output } = await runCommand(scripts[name] ?? '')
  const seconds = (performance.now() - start) / 1000
  const isOk = status === 0
  console.log(`${isOk ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)`)
  if (!isOk) console.error(`${output.trimEnd()}\n`)
  return { name, isOk, seconds }
}

function runCommand(command: string): Promise<{ status: number; output: string }> {
  const path = `${resolve('node_modules/.bin')}${delimiter}${process.env['PATH'] ?? ''}`
  const child = spawn(command, { shell: true, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, PATH: path } })
  const parts: string[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => parts.push(text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => parts.push(text))
  return new Promise((done, fail) => {
    child.on('error', fail)
    child.on('close', (status) => done({ status: status ?? 1, output: parts.join('') }))
  })
}
