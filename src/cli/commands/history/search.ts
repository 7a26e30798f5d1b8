import type { Command } from 'commander'
import { does } from '../../cli.js'
import { graphql, type ResultOf } from '../../connection/document.js'
import type { View } from '../../output/output.js'
import { readCount } from '../listing.js'

const SEARCH = graphql(`
  query Search($text: String!, $first: Int) { search(text: $text, first: $first) { kind pack targetId title subtitle } }
`)

const view: View<ResultOf<typeof SEARCH>['search'][number]> = {
  name: ({ title }) => title,
  columns: [
    ['kind', ({ kind }) => kind],
    ['name', ({ title }) => title],
    ['about', ({ subtitle }) => subtitle],
    ['id', ({ targetId }) => targetId],
  ],
}

/** `valhalla search` */
export function addSearch(program: Command): void {
  const command = program.command('search <text>').description('Find flags, config, clients, limits, windows, checks and operations.')
  does(command.option('--limit <number>', 'at most this many', readCount, 8), async (cli, [text = ''], { limit }) => {
    await cli.out.rows((await cli.ask(SEARCH, { text, first: limit as number })).search, view)
  })
}
