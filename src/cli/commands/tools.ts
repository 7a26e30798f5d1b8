import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'

import { readJson } from '../change/input-options.js'
import { does, textIn } from '../cli.js'
import { faultOf } from '../connection/answer-faults.js'
import { exchange } from '../connection/transport.js'
import { CliFault, EXIT } from '../fault.js'
import { readText } from '../files.js'
import { environment } from '../platform.js'

/** `valhalla api`, `open`, `serve` */
export function addToolCommands(program: Command): void {
  const api = program
    .command('api <document>')
    .description('Send any GraphQL document: the text itself, @file, or - for standard input. Prints the whole answer as JSON.')
    .option('--variables <json>', 'its variables, as JSON or @file', readJson)
  does(api, async (cli, [given = ''], options) => {
    const query = given === '-' || given.startsWith('@') ? await readText(given.replace(/^@/, '')) : given
    const answer = await exchange(await cli.target(), { query, variables: options['variables'] as object | undefined })
    await cli.out.data(answer)
    if (answer.errors && answer.errors.length > 0) throw faultOf(answer.errors)
  })
  does(program.command('open').description('Open the control plane in a browser, and print its address.'), async (cli) => {
    const { url } = await cli.target()
    cli.out.lines([url])
    const opener = { darwin: 'open', win32: 'explorer' }[process.platform as string] ?? 'xdg-open'
    await new Promise<void>((done) => {
      const child = spawn(opener, [url], { stdio: 'ignore', detached: true })
      child.once('error', () => done(cli.out.say(`${opener} cannot be started here: open the address yourself`)))
      child.once('spawn', () => done(child.unref()))
    })
  })
  addServe(program)
}

function addServe(program: Command): void {
  const serve = program
    .command('serve')
    .description('Run the control plane here, with the settings of the environment; ends when it ends, with its exit code.')
    .option('--port <port>', 'TCP port to listen on; the setting PORT')
  does(serve, async (_cli, _args, given) => {
    const port = textIn(given, 'port')
    // The bundle of this command lies in a folder below the server's.
    const server = fileURLToPath(new URL('../main.js', import.meta.url))
    const child = spawn(process.execPath, [server], {
      stdio: 'inherit',
      env: { ...environment, ...(port === undefined ? {} : { PORT: port }) },
    })
    process.on('SIGTERM', () => void child.kill('SIGTERM'))
    // Ctrl-C reaches the server from the terminal; a second one from here would end it without grace.
    process.removeAllListeners('SIGINT').on('SIGINT', () => undefined)
    const code = await new Promise<number | null>((done, fail) => child.once('error', fail).once('close', done))
    if (code === null) throw new CliFault(EXIT.fault, 'the server was killed')
    process.exitCode = code
  })
}
