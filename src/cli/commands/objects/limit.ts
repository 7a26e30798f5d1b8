import type { Command } from 'commander'
import { ENUMS } from '../../../generated/graphql/inputs.js'
import { addWrite, doesMutation } from '../../change/write-command.js'
import { type Cli, does } from '../../cli.js'
import { refuse } from '../../connection/answer-faults.js'
import { readClients, ruleKeyById, ruleKeyByName } from '../../connection/clients.js'
import { graphql, type ResultOf, type VariablesOf } from '../../connection/document.js'
import { CliFault, EXIT, usage } from '../../fault.js'
import type { View } from '../../output/output.js'
import { addListing, found, readCount } from '../listing.js'

const LIST = graphql(`
  query Limits($filter: RateLimitRuleFilter, $first: Int!, $after: String) {
    rateLimitRules(filter: $filter, first: $first, after: $after) {
      nodes { id scope key windowSeconds maxRequests isEnabled isShadow description version createdAt updatedAt }
      pageInfo { hasNextPage endCursor }
    }
  }
`)

const CONSUME = graphql(`
  mutation Consume($input: ConsumeRateLimitInput!) {
    consumeRateLimit(input: $input) {
      decision { isAllowed limit remaining resetSeconds retryAfterSeconds ruleId isShadow }
      userErrors { code message field }
    }
  }
`)

type Rule = ResultOf<typeof LIST>['rateLimitRules']['nodes'][number]
type Decision = NonNullable<ResultOf<typeof CONSUME>['consumeRateLimit']['decision']>
type Scope = VariablesOf<typeof CONSUME>['input']['scope']

const view: View<Rule> = {
  name: ({ scope, key }) => `${scope} ${key}`,
  columns: [
    ['scope', ({ scope }) => scope],
    ['key', ({ key }) => key],
    ['limit', ({ maxRequests, windowSeconds }) => `${maxRequests} in ${windowSeconds} s`],
    ['state', ({ isEnabled, isShadow }) => (isEnabled ? (isShadow ? 'counts only' : 'in force') : 'off')],
    ['version', ({ version }) => version],
    ['updated', ({ updatedAt }) => updatedAt],
    ['description', ({ description }) => description],
  ],
}

const decisionView: View<Decision> = {
  name: ({ isAllowed }) => (isAllowed ? 'allowed' : 'denied'),
  columns: [
    ['answer', ({ isAllowed }) => (isAllowed ? 'allowed' : 'denied')],
    ['remaining', ({ remaining }) => remaining],
    ['limit', ({ limit }) => limit],
    ['reset in', ({ resetSeconds }) => resetSeconds],
    ['retry after', ({ retryAfterSeconds }) => retryAfterSeconds],
  ],
}

/** `valhalla limit ...`; the key of a rule may name a client as `client:<name>`. */
export function addLimitCommands(program: Command): void {
  const limit = program
    .command('limit')
    .description('Rate limits. A key is "*" for each subject of the scope, an address, or client:<name>, with :<user> behind it for USER.')
  addListing(limit, {
    name: 'list',
    summary: 'List rules.',
    view,
    read: async (cli, page) => {
      const { rateLimitRules } = await cli.ask(LIST, page)
      const isNamed = rateLimitRules.nodes.some(({ scope }) => scope === 'API_KEY' || scope === 'USER')
      if (!isNamed || cli.out.format === 'json' || cli.out.format === 'yaml') return rateLimitRules
      const clients = await readClients(cli)
      return { ...rateLimitRules, nodes: rateLimitRules.nodes.map((rule) => ({ ...rule, key: ruleKeyByName(rule.key, clients) })) }
    },
  })
  does(limit.command('get <scope> [key]').description('Show a rule.'), async (cli, [scope = '', key = '*']) => {
    await cli.out.object(await findRule(cli, scope, key), view)
  })
  addWrite(limit, {
    name: 'set <scope> [key]',
    step: 'setRateLimitRule',
    takes: ['scope', 'key'],
    toInput: async ([scope = '', key = '*'], cli) => ({ scope: readScope(scope), key: await keyById(cli, scope, key) }),
  })
  addWrite(limit, {
    name: 'delete <scope> [key]',
    step: 'deleteRateLimitRule',
    takes: ['id'],
    toInput: async ([scope = '', key = '*'], cli) => ({ id: (await findRule(cli, scope, key)).id }),
  })
  const consume = limit
    .command('consume <scope> <key>')
    .description('Count a request, as another service does that lets this control plane count for it; ends with 5 when it is denied.')
    .option('--cost <number>', 'how much it counts', readCount, 1)
  doesMutation(consume, 'consumeRateLimit', async (cli, [scope = '', key = ''], { cost }) => {
    const input = { scope: readScope(scope), key: await keyById(cli, scope, key), cost: cost as number }
    const { decision, userErrors } = (await cli.ask(CONSUME, { input })).consumeRateLimit
    refuse(userErrors)
    const made = found(decision, 'decision')
    await cli.out.object(made, decisionView)
    if (!made.isAllowed) process.exitCode = EXIT.refused
  })
}

function readScope(text: string): Scope {
  const scopes = Object.keys(ENUMS['RateLimitScope'] ?? {})
  const scope = scopes.find((each) => each === text.toUpperCase().replace('-', '_'))
  if (scope === undefined) throw usage(`"${text}" is no scope`, `choose one of ${scopes.join(', ')}`)
  return scope as Scope
}

async function keyById(cli: Cli, scope: string, key: string): Promise<string> {
  if (!key.startsWith('client:')) return key
  const byId = ruleKeyById(readScope(scope), key, await readClients(cli))
  if (byId === undefined)
    throw new CliFault(EXIT.missing, `there is no active API client for "${key}"`, '`valhalla client list` shows them')
  return byId
}

async function findRule(cli: Cli, scope: string, key: string): Promise<Rule> {
  const filter = { scope: readScope(scope), key: await keyById(cli, scope, key) }
  const { nodes } = (await cli.ask(LIST, { filter, first: 1 })).rateLimitRules
  return found(nodes[0] ?? null, `rate limit ${filter.scope} ${key}`)
}
