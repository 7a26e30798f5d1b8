import 'reflect-metadata'
import { parseArgs } from 'node:util'
import closeWithGrace from 'close-with-grace'
import { createLog, type Log } from './core/log.js'
import { readSettings, type Settings } from './core/settings.js'
import { EXIT_BAD_SETTINGS, settingsHelp } from './core/settings-help.js'
import type { RunningServer } from './server/serve.js'

/** The exit status for a command line that cannot be understood: EX_USAGE of sysexits.h. */
const EXIT_USAGE = 64
/** Names of the faults whose message is one clear line for whoever starts the program. */
const CLEAR_FAULTS: ReadonlySet<string> = new Set(['DatabaseOpenError', 'ListenError', 'FirstAdminError'])
/** What closing may take beyond the time that running requests are given, in milliseconds. */
const CLOSING_MS = 10_000

await main()

async function main(): Promise<void> {
  const command = readCommandLine()
  if (command !== 'start') return end(command)
  const read = readSettings()
  if (!read.ok) return end({ status: EXIT_BAD_SETTINGS, errors: read.faults })
  const { settings } = read
  const log = createLog(settings)
  // Help and faults of the settings are told before everything else is loaded.
  const { startServer } = await import('./server/compose.js')
  const server = await startServer(settings, { log }).catch((error: unknown) => failStart(error, log))
  if (!server) return
  stopWithGrace(server, settings, log)
  announce(server, settings, log)
}

interface Ending {
  readonly status: number
  readonly text?: string
  readonly errors?: readonly string[]
}

/** What the command line asks for. */
function readCommandLine(): 'start' | Ending {
  try {
    const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } }, strict: true, allowPositionals: false })
    return values.help ? { status: 0, text: settingsHelp() } : 'start'
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error)
    return { status: EXIT_USAGE, errors: [`${fault.split('. ')[0]}; --help shows what there is`] }
  }
}

function end({ status, text, errors = [] }: Ending): void {
  if (text !== undefined) process.stdout.write(text)
  for (const error of errors) process.stderr.write(`${error}\n`)
  process.exitCode = status
}

function failStart(error: unknown, log: Log): undefined {
  if (error instanceof Error && CLEAR_FAULTS.has(error.name)) process.stderr.write(`${error.message}\n`)
  else log.fatal({ err: error }, 'not started')
  process.exit(1)
}

function announce({ url, port, services: { ledger, database } }: RunningServer, settings: Settings, log: Log): void {
  const { revision, digest } = ledger.snapshot
  const details = { url: `${url}/graphql`, port, engine: database.engine, databaseVersion: database.version, revision, digest }
  log.info(details, settings.isDevelopment ? `ready: Apollo Sandbox is at ${url}/graphql` : `ready at ${url}/graphql`)
}

/** The first signal (or fault that nobody caught) ends the server in order, a second one at once. */
function stopWithGrace(server: RunningServer, settings: Settings, log: Log): void {
  closeWithGrace(
    { delay: settings.shutdownGraceMs + CLOSING_MS, logger: { error: (message: unknown) => log.error(String(message)) } },
    async ({ err, signal }) => {
      if (err) log.fatal({ err }, 'stopping: a fault that nobody caught')
      else log.info({ signal }, 'stopping')
      await server.close()
      const { revision, digest } = server.services.ledger.snapshot
      log.info({ revision, digest }, 'stopped')
    },
  )
}
