import { type Command, InvalidArgumentError } from 'commander'
import { readJson, readNumber } from '../../change/input-options.js'
import { addWrite } from '../../change/write-command.js'
import { does, type Given, textIn } from '../../cli.js'
import { graphql, type ResultOf } from '../../connection/document.js'
import type { View } from '../../output/output.js'
import { CHANGE_FIELDS, changeView } from '../history/change-view.js'
import { addListing, found } from '../listing.js'

const FLAG_FIELDS = graphql(`
  fragment FlagFields on FeatureFlag {
    id key group description isEnabled
    strategies { rolloutPercent stickiness groupId constraints { contextField operator values isInverted isCaseInsensitive } }
    variants { name weight value }
    lastEvaluatedAt version createdAt updatedAt
  }
`)

const LIST = graphql(
  `
  query Flags($filter: FeatureFlagFilter, $first: Int!, $after: String) {
    featureFlags(filter: $filter, first: $first, after: $after) { nodes { ...FlagFields } pageInfo { hasNextPage endCursor } }
  }
`,
  [FLAG_FIELDS],
)

const GET = graphql(
  `
  query Flag($key: String!) { featureFlag(key: $key) { ...FlagFields } }
`,
  [FLAG_FIELDS],
)

const EVALUATE = graphql(`
  query EvaluateFlag($key: String!, $context: EvaluationContextInput, $default: Boolean) {
    evaluateFlag(key: $key, context: $context, default: $default) { key isEnabled reason variant value revision explanation }
  }
`)

const HISTORY = graphql(
  `
  query FlagHistory($key: String!, $first: Int!, $after: String) {
    featureFlag(key: $key) { history(first: $first, after: $after) { nodes { ...ChangeFields } pageInfo { hasNextPage endCursor } } }
  }
`,
  [CHANGE_FIELDS],
)

type Flag = ResultOf<typeof FLAG_FIELDS>
type Evaluation = ResultOf<typeof EVALUATE>['evaluateFlag']

const view: View<Flag> = {
  name: ({ key }) => key,
  columns: [
    ['key', ({ key }) => key],
    ['group', ({ group }) => group],
    ['state', ({ isEnabled }) => (isEnabled ? 'on' : 'off')],
    ['for', ({ strategies }) => audienceOf(strategies)],
    ['variants', ({ variants }) => variants.map(({ name, weight }) => `${name}:${weight}`).join(' ')],
    ['version', ({ version }) => version],
    ['updated', ({ updatedAt }) => updatedAt],
    ['description', ({ description }) => description],
  ],
}

function audienceOf(strategies: Flag['strategies']): string {
  if (strategies.length === 0) return 'everybody'
  return strategies.map(({ rolloutPercent, constraints }) => `${rolloutPercent}%${constraints.length > 0 ? ' of some' : ''}`).join(', ')
}

const evaluationView: View<Evaluation> = {
  name: ({ key, isEnabled }) => `${key} ${isEnabled ? 'on' : 'off'}`,
  columns: [
    ['key', ({ key }) => key],
    ['answer', ({ isEnabled }) => (isEnabled ? 'on' : 'off')],
    ['variant', ({ variant }) => variant],
    ['value', ({ value }) => value],
    ['reason', ({ reason }) => reason],
    ['explanation', ({ explanation }) => explanation],
  ],
}

/** `valhalla flag ...` */
export function addFlagCommands(program: Command): void {
  const flag = program.command('flag').description('Feature flags: switches that applications ask about.')
  addListing(flag, {
    name: 'list',
    summary: 'List flags.',
    view,
    read: async (cli, page, { given }) => (await cli.ask(LIST, { ...page, filter: filterOf(given) })).featureFlags,
  })
    .option('--group <group>', 'only those of this group')
    .option('--enabled', 'only those that are on')
    .option('--no-enabled', 'only those that are off')
    .option('--search <text>', 'only those with this text in their key or description')
  does(flag.command('get <key>').description('Show a flag.'), async (cli, [key = '']) => {
    await cli.out.object(found((await cli.ask(GET, { key })).featureFlag, `flag "${key}"`), view)
  })
  addWrite(flag, {
    name: 'set <key>',
    step: 'setFeatureFlag',
    takes: ['key'],
    toInput: ([key], _cli, given) => ({
      key,
      ...(given['rollout'] === undefined ? {} : { strategies: [{ rolloutPercent: given['rollout'] }] }),
    }),
  }).option('--rollout <percent>', 'on for this share of all users; short for --strategies', readPercent)
  addSwitches(flag)
  addWrite(flag, { name: 'delete <key>', step: 'deleteFeatureFlag', takes: ['key'], toInput: ([key]) => ({ key }) })
  addEvaluation(flag)
  addListing(flag, {
    name: 'history <key>',
    summary: 'Show what happened to a flag, newest first. `changes list --target-key` finds one that is gone, too.',
    limit: 20,
    view: changeView,
    read: async (cli, page, { args: [key = ''] }) => found((await cli.ask(HISTORY, { key, ...page })).featureFlag, `flag "${key}"`).history,
  })
}

/** Turns flags on and off. A key with a slip of the pen must not become a new flag: `set` makes one. */
function addSwitches(flag: Command): void {
  for (const [verb, isEnabled] of [
    ['on', true],
    ['off', false],
  ] as const) {
    const summary = `Turn a flag ${verb} that is there.`
    const takes = ['key', 'isEnabled', 'group', 'description', 'strategies', 'variants']
    addWrite(flag, {
      name: `${verb} <key>`,
      step: 'setFeatureFlag',
      summary,
      takes,
      async toInput([key = ''], cli) {
        found((await cli.ask(GET, { key })).featureFlag, `flag "${key}"`)
        return { key, isEnabled }
      },
    })
  }
}

function filterOf(given: Given): { group?: string; isEnabled?: boolean; search?: string } {
  const isEnabled = given['enabled']
  return { group: textIn(given, 'group'), search: textIn(given, 'search'), ...(typeof isEnabled === 'boolean' ? { isEnabled } : {}) }
}

function addEvaluation(flag: Command): void {
  const command = flag
    .command('eval <key>')
    .description('Ask for a flag, as an application does.')
    .option('--user <id>', 'on behalf of this user')
    .option('--context <json>', 'the whole context, as EvaluationContextInput has it', readContext)
    .option('--default', 'the answer for a flag that is not there: on (the default)')
    .option('--no-default', 'the answer for a flag that is not there: off')
  does(command, async (cli, [key = ''], given) => {
    const userId = textIn(given, 'user')
    const context = { ...(given['context'] as object | undefined), ...(userId === undefined ? {} : { userId }) }
    const { evaluateFlag } = await cli.ask(EVALUATE, { key, context, default: given['default'] !== false })
    await cli.out.object(evaluateFlag, evaluationView)
  })
}

function readContext(text: string): object {
  const value = readJson(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new InvalidArgumentError('This must be a JSON object.')
  return value
}

function readPercent(text: string): number {
  return readNumber(text, /^\d{1,3}(\.\d{1,2})?$/, 'a number from 0 to 100, such as 12.5')
}
