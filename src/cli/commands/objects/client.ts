import { type Command, Option } from 'commander'
import { confirm } from '../../change/ask.js'
import { addInputOptions, readInput } from '../../change/input-options.js'
import { admitChange, changeOptions } from '../../change/propose.js'
import { addWrite, doesMutation } from '../../change/write-command.js'
import { type Cli, does, type Given, textIn } from '../../cli.js'
import { refuse } from '../../connection/answer-faults.js'
import { clientId } from '../../connection/clients.js'
import { graphql, type ResultOf, type VariablesOf } from '../../connection/document.js'
import { CliFault, EXIT, usage } from '../../fault.js'
import type { View } from '../../output/output.js'
import { plain } from '../../output/text.js'
import { newId } from '../../platform.js'
import { readKey } from '../access/key-input.js'
import { addListing, found } from '../listing.js'

const CLIENT_FIELDS = graphql(`
  fragment ClientFields on ApiClient {
    id name clientType role keyPreview isActive description expiresAt previousKeyExpiresAt lastUsedAt version createdAt updatedAt
  }
`)

const LIST = graphql(
  `
  query Clients($filter: ApiClientFilter, $first: Int!, $after: String) {
    apiClients(filter: $filter, first: $first, after: $after) { nodes { ...ClientFields } pageInfo { hasNextPage endCursor } }
  }
`,
  [CLIENT_FIELDS],
)

const GET = graphql(
  `
  query Client($id: ID!) { apiClient(id: $id) { ...ClientFields } }
`,
  [CLIENT_FIELDS],
)

const REGISTER = graphql(
  `
  mutation Register($input: RegisterApiClientInput!) {
    registerApiClient(input: $input) { apiClient { ...ClientFields } apiKey revision userErrors { code message field } }
  }
`,
  [CLIENT_FIELDS],
)

const ROTATE = graphql(
  `
  mutation Rotate($input: RotateApiKeyInput!) {
    rotateApiKey(input: $input) { apiClient { ...ClientFields } apiKey revision userErrors { code message field } }
  }
`,
  [CLIENT_FIELDS],
)

const VERIFY = graphql(
  `
  mutation Verify($input: VerifyApiKeyInput!) {
    verifyApiKey(input: $input) { verdict apiClient { ...ClientFields } userErrors { code message field } }
  }
`,
  [CLIENT_FIELDS],
)

type Issued = ResultOf<typeof REGISTER>['registerApiClient'] | ResultOf<typeof ROTATE>['rotateApiKey']

const view: View<ResultOf<typeof CLIENT_FIELDS>> = {
  name: ({ name }) => name,
  columns: [
    ['name', ({ name }) => name],
    ['id', ({ id }) => id],
    ['type', ({ clientType }) => clientType],
    ['role', ({ role }) => role],
    ['state', ({ isActive }) => (isActive ? 'active' : 'deactivated')],
    ['key', ({ keyPreview }) => keyPreview],
    ['expires', ({ expiresAt }) => expiresAt],
    ['last used', ({ lastUsedAt }) => lastUsedAt],
    ['description', ({ description }) => description],
  ],
}

/** `valhalla client ...`; clients are named by their id, or by their name where that tells which one. */
export function addClientCommands(program: Command): void {
  const client = program.command('client').description('API clients and their keys. A client is given by its name or its id.')
  addListing(client, {
    name: 'list',
    summary: 'List clients.',
    view,
    read: async (cli, page, { given }) => {
      const filter = { ...(given['active'] ? { isActive: true } : {}), search: textIn(given, 'search') }
      return (await cli.ask(LIST, { ...page, filter })).apiClients
    },
  })
    .option('--active', 'only those that are active')
    .option('--search <text>', 'only those with this text in their name or description')
  does(client.command('get <client>').description('Show a client.'), async (cli, [name = '']) => {
    const id = await clientId(cli, name)
    await cli.out.object(found((await cli.ask(GET, { id })).apiClient, `API client "${name}"`), view)
  })
  addKeyCommands(client)
  addWrite(client, {
    name: 'update <client>',
    step: 'updateApiClient',
    takes: ['id'],
    toInput: async ([name = ''], cli) => ({ id: await clientId(cli, name) }),
  })
  for (const verb of ['activate', 'deactivate']) {
    const toInput = async ([name = '']: readonly string[], cli: Cli): Promise<object> => ({ id: await clientId(cli, name) })
    addWrite(client, { name: `${verb} <client>`, step: `${verb}ApiClient`, takes: ['id'], toInput })
  }
  const verify = client
    .command('verify')
    .description('Tell what a key is worth; it is asked for, or read from standard input. Ends with 5 when it is not valid.')
    .option('--key-stdin', 'read the key from standard input')
    .option('--permission <name>', 'a permission that its client has to hold, such as "flags:write"')
  doesMutation(verify, 'verifyApiKey', async (cli, _args, given) => {
    const apiKey = await readKey(cli, given)
    const { verifyApiKey } = await cli.ask(VERIFY, { input: { apiKey, permission: textIn(given, 'permission') } })
    refuse(verifyApiKey.userErrors)
    const { verdict, apiClient } = verifyApiKey
    const columns: View<typeof verifyApiKey>['columns'] = [
      ['verdict', () => verdict],
      ['client', () => apiClient?.name],
      ['role', () => apiClient?.role],
    ]
    await cli.out.object(verifyApiKey, { name: () => verdict, columns })
    if (verdict !== 'VALID') process.exitCode = EXIT.refused
  })
}

/** What makes a key cannot be a step of an operation, nor be planned: it is asked for by its own mutation. */
function addKeyCommands(client: Command): void {
  const register = client.command('register <name>').description('Register a client. Its key is printed this once, and kept nowhere.')
  addInputOptions(register, 'RegisterApiClientInput', ['name'])
  doesMutation(addIssueOptions(register), 'registerApiClient', async (cli, [name = ''], given) => {
    const told = readInput('RegisterApiClientInput', given)
    if (!('clientType' in told && 'role' in told)) throw usage('a client needs a type and a role', 'pass --client-type and --role')
    await admitIssue(cli, given, `Register ${name} as ${String(told['role'])}?`)
    const fields = { ...told, name, reason: textIn(given, 'reason'), idempotencyKey: newId() }
    const input = fields as VariablesOf<typeof REGISTER>['input']
    await printKey(cli, (await cli.askAgain(REGISTER, { input })).registerApiClient)
  })
  const rotate = client.command('rotate <client>').description('Give a client a new key. It is printed this once, and kept nowhere.')
  addInputOptions(rotate, 'RotateApiKeyInput', ['id'])
  doesMutation(addIssueOptions(rotate), 'rotateApiKey', async (cli, [name = ''], given) => {
    const { overlapSeconds } = readInput('RotateApiKeyInput', given) as { overlapSeconds?: number }
    const dies = overlapSeconds ? `in ${overlapSeconds} s` : 'at once'
    await admitIssue(cli, given, `Give ${name} a new key? The old one ends ${dies}.`)
    const input = { id: await clientId(cli, name), overlapSeconds, reason: textIn(given, 'reason') }
    await printKey(cli, (await cli.ask(ROTATE, { input })).rotateApiKey)
  })
}

function addIssueOptions(command: Command): Command {
  return command.option('-y, --yes', 'go on without asking').addOption(new Option('--reason <text>', 'why; stands in the change log'))
}

async function admitIssue(cli: Cli, given: Given, question: string): Promise<void> {
  const options = changeOptions(given)
  await admitChange(cli, options, 'pass --yes to go on')
  if (!options.isAgreed) await confirm(question)
}

async function printKey(cli: Cli, { apiClient, apiKey, revision, userErrors }: Issued): Promise<void> {
  refuse(userErrors)
  const client = found(apiClient, 'client in the answer')
  const { format } = cli.out
  if (format === 'json' || format === 'yaml') await cli.out.data({ apiClient, apiKey, revision })
  else if (apiKey !== null) cli.out.lines([apiKey])
  if (apiKey === null) {
    throw new CliFault(
      EXIT.fault,
      `${client.name} was registered, but the answer with its key was lost`,
      `valhalla client rotate ${client.id}`,
    )
  }
  cli.out.say(`The key of ${plain(client.name)} (${client.role}) is shown this once: keep it where secrets are kept. Revision ${revision}.`)
}
