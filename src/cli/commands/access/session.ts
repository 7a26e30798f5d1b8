import type { Command } from 'commander'
import { addInputOptions, readInput } from '../../change/input-options.js'
import { doesMutation } from '../../change/write-command.js'
import { refuse } from '../../connection/answer-faults.js'
import { graphql } from '../../connection/document.js'

const OPEN_SESSION = graphql(`
  mutation OpenSession($input: OpenSessionInput) {
    openSession(input: $input) { apiKey expiresAt userErrors { code message field } }
  }
`)

/** `valhalla session` */
export function addSession(program: Command): void {
  const session = program
    .command('session')
    .description('Make a key of your own role that lives for hours, for a browser. It is printed this once.')
  addInputOptions(session, 'OpenSessionInput', [])
  doesMutation(session, 'openSession', async (cli, _args, given) => {
    const { openSession } = await cli.ask(OPEN_SESSION, { input: readInput('OpenSessionInput', given) })
    refuse(openSession.userErrors)
    const { apiKey, expiresAt } = openSession
    if (cli.out.format === 'json' || cli.out.format === 'yaml') await cli.out.data({ apiKey, expiresAt })
    else cli.out.lines([apiKey ?? ''])
    cli.out.say(`It ends at ${expiresAt}.`)
  })
}
