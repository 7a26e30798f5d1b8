import type { Command } from 'commander'
import { readJson } from '../../change/input-options.js'
import { addWrite } from '../../change/write-command.js'
import { does, textIn } from '../../cli.js'
import { graphql, type ResultOf } from '../../connection/document.js'
import type { View } from '../../output/output.js'
import { CHANGE_FIELDS, changeView } from '../history/change-view.js'
import { addListing, found } from '../listing.js'

const CONFIG_FIELDS = graphql(`
  fragment ConfigFields on ConfigEntry { id key value description isMutable valueSchema version createdAt updatedAt }
`)

const LIST = graphql(
  `
  query Configs($filter: ConfigFilter, $first: Int!, $after: String) {
    configs(filter: $filter, first: $first, after: $after) { nodes { ...ConfigFields } pageInfo { hasNextPage endCursor } }
  }
`,
  [CONFIG_FIELDS],
)

const GET = graphql(
  `
  query Config($key: String!) { config(key: $key) { ...ConfigFields } }
`,
  [CONFIG_FIELDS],
)

const HISTORY = graphql(
  `
  query ConfigHistory($key: String!, $first: Int!, $after: String) {
    config(key: $key) { history(first: $first, after: $after) { nodes { ...ChangeFields } pageInfo { hasNextPage endCursor } } }
  }
`,
  [CHANGE_FIELDS],
)

const view: View<ResultOf<typeof CONFIG_FIELDS>> = {
  name: ({ key }) => key,
  columns: [
    ['key', ({ key }) => key],
    ['value', ({ value }) => JSON.stringify(value)],
    ['locked', ({ isMutable }) => (isMutable ? '' : 'locked')],
    ['version', ({ version }) => version],
    ['updated', ({ updatedAt }) => updatedAt],
    ['description', ({ description }) => description],
  ],
}

/** `valhalla config ...` */
export function addConfigCommands(program: Command): void {
  const config = program.command('config').description('Configuration: keys with JSON values. Never secrets.')
  addListing(config, {
    name: 'list',
    summary: 'List entries.',
    view,
    read: async (cli, page, { given }) => {
      const filter = { prefix: textIn(given, 'prefix'), search: textIn(given, 'search'), ...(given['locked'] ? { isMutable: false } : {}) }
      return (await cli.ask(LIST, { ...page, filter })).configs
    },
  })
    .option('--prefix <text>', 'only those whose key begins with this')
    .option('--search <text>', 'only those with this text in their key or description')
    .option('--locked', 'only those that are locked')
  const get = config.command('get <key>').description('Show an entry.').option('--value', 'print the value alone, as JSON')
  does(get, async (cli, [key = ''], given) => {
    const entry = found((await cli.ask(GET, { key })).config, `config entry "${key}"`)
    await (given['value'] ? cli.out.data(entry.value) : cli.out.object(entry, view))
  })
  addWrite(config, {
    name: 'set <key> [json]',
    step: 'setConfig',
    takes: ['key', 'value'],
    toInput: ([key, value]) => ({ key, ...(value === undefined ? {} : { value: readJson(value) }) }),
  })
  addWrite(config, { name: 'delete <key>', step: 'deleteConfig', takes: ['key'], toInput: ([key]) => ({ key }) })
  addWrite(config, { name: 'unlock <key>', step: 'unlockConfig', takes: ['key'], toInput: ([key]) => ({ key, reason: '' }) })
  addListing(config, {
    name: 'history <key>',
    summary: 'Show what happened to an entry, newest first. `changes list --target-key` finds one that is gone, too.',
    limit: 20,
    view: changeView,
    read: async (cli, page, { args: [key = ''] }) =>
      found((await cli.ask(HISTORY, { key, ...page })).config, `config entry "${key}"`).history,
  })
}
