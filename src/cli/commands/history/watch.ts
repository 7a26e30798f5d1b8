import type { Command } from 'commander'
import { does } from '../../cli.js'
import { graphql } from '../../connection/document.js'
import { readRevision } from './changes.js'

const NOW = graphql(`
  query Revision { systemStatus { revision } }
`)

/** `valhalla watch` */
export function addWatch(program: Command): void {
  const command = program
    .command('watch')
    .description('Follow changes as they are made, each once and in order, also across restarts of the server; ends with Ctrl-C.')
    .option('--since <revision>', 'begin behind this revision; left out: now', readRevision)
    .option('--count <number>', 'end after this many changes', readRevision)
  does(command, async (cli, _args, given) => {
    const since = (given['since'] as number | undefined) ?? (await cli.ask(NOW, {})).systemStatus.revision
    const { Watch } = await import('./watching.js')
    const watch = new Watch(cli, since, (given['count'] as number | undefined) ?? Number.POSITIVE_INFINITY)
    await watch.run()
  })
}
