import closeWithGrace from 'close-with-grace'
import { EXIT_USAGE, readCommandLine } from './core/platform/command-line.js'
import { createLog, type Log } from './core/platform/log.js'
import { readSettings, type Settings } from './core/platform/settings.js'
import { EXIT_BAD_SETTINGS, settingsHelp } from './core/platform/settings-help.js'
import { closingLimitMs } from './server/closing-limit.js'
import type { RunningServer } from './server/serve.js'

/** Names of the faults whose message is one clear line for whoever starts the program. */
const CLEAR_FAULTS: ReadonlySet<string> = new Set(['DatabaseOpenError', 'InstallationError', 'ListenError', 'FirstAdminError'])

await main()

async function main(): Promise<void> {
  const line = readCommandLine({})
  if (line.asks === 'help') return end({ status: 0, text: settingsHelp() })
  if (line.asks === 'nothing known') return end({ status: EXIT_USAGE, errors: [line.fault] })
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
    { delay: closingLimitMs(settings), logger: { error: (message: unknown) => log.error(String(message)) } },
    async ({ err, signal }) => {
      if (err) log.fatal({ err }, 'stopping: a fault that nobody caught')
      else log.info({ signal }, 'stopping')
      // Whoever is told to stop lets others notice first; after a fault that nobody caught there is nothing to wait for.
      await server.close({ isAtOnce: err !== undefined })
      const { revision, digest } = server.services.ledger.snapshot
      log.info({ revision, digest }, 'stopped')
    },
  )
}
