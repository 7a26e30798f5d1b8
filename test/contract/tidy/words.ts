import ts from 'typescript'
import { PACK_IDS } from '../../../src/core/contract/pack.js'
import { CODE, matches, type Rule, SRC } from './rule.js'

/** The folder that is beside some check-outs, in no repository, and an absolute one. Put together, or this file would name them. */
const ELSEWHERE = [`..${'/'}shared`, `/${'work'}/`]
const FOREIGN = new RegExp(
  `${ELSEWHERE.map((path) => path.replaceAll('.', '\\.')).join('|')}|(?<![\\w&/])#\\d+\\b|\\b(issue|ticket|GH)[ -]#?\\d+`,
  'gi',
)
const ids: ReadonlySet<string> = new Set(PACK_IDS)

/** Which words and names the sources use. */
export const WORD_RULES: readonly Rule[] = [
  {
    name: 'no-any',
    promise: 'Nothing has the type any.',
    scope: CODE,
    find: (source) => source.all(isAny).map((at) => ({ subject: at.parent.getText().split('\n', 1)[0] ?? '', at })),
    breaks: { 'test/a.ts': 'export const a = 1 as any', 'src/b.ts': 'export const b: any[] = []' },
    keeps: { 'test/a.ts': 'export const any = 1 as unknown // as any' },
  },
  {
    name: 'no-suppression',
    promise: 'No rule is suppressed in place, and nothing is left to be done.',
    scope: CODE,
    find: ({ prose }) => matches(prose, /biome-ignore|@ts-(ignore|expect-error|nocheck)|eslint-disable|\b(TODO|FIXME)\b/g),
    breaks: { 'src/a.ts': '// @ts-ignore\ngo()', 'src/b.ts': '/* TODO */', 'scripts/c.mjs': 'go("a") // FIXME' },
    keeps: { 'src/a.ts': "export const forbidden = ['@ts-ignore', /TODO/, `FIXME eslint-disable`]" },
  },
  {
    name: 'all-tests-run',
    promise: 'No test is left out by name, and none keeps others from running.',
    scope: CODE,
    find: (source) =>
      source
        .all(ts.isPropertyAccessExpression)
        .filter(
          ({ name, expression }) =>
            /^(only|skip|todo|fails)$/.test(name.text) && /^(it|test|describe|suite|context)\b/.test(expression.getText()),
        )
        .map((at) => ({ subject: at.getText(), at })),
    breaks: { 'src/a.test.ts': "it.only('works', () => {})", 'src/b.test.ts': "describe.concurrent.skip('b', () => {})" },
    keeps: { 'src/a.test.ts': "describe.skipIf(isAway)('a', () => { it('takes options.skip', () => expect(options.skip).toBe(1)) })" },
  },
  {
    name: 'pack-ids',
    promise: 'The id of a pack stands in the contract and in the pack’s index.ts, and nowhere else.',
    scope: /^src\/(?!core\/contract\/pack\.ts|packs\/[^/]+\/index\.ts)(?!.*\.test\.ts$)/,
    find: (source) =>
      source
        .all(ts.isStringLiteral)
        .filter(({ text }) => ids.has(text))
        .map((at) => ({ subject: at.text, at })),
    breaks: { 'src/packs/a/a.commands.ts': "export const set = { pack: 'UA' }" },
    keeps: {
      'src/packs/a/index.ts': "export const a = { id: 'UA' }",
      'src/packs/a/a.commands.ts': "export const set = { name: 'set UA' }",
    },
  },
  {
    name: 'collection-names',
    promise: 'A collection is an `xCollection`, and its records are `XRecord`s.',
    scope: SRC,
    find: (source) => [
      ...source
        .all(ts.isVariableDeclaration)
        .filter(({ name, initializer }) => isDefinition(initializer) && !/^[a-z]\w*Collection$/.test(name.getText()))
        .map((at) => ({ subject: at.name.getText(), at })),
      ...source
        .all(ts.isTypeNode)
        .filter((node) => isRecordType(node) && !/^([A-Z]\w*Record|R)$/.test(node.getText()))
        .map((at) => ({ subject: at.getText(), at })),
      ...source
        .all(ts.isTypeAliasDeclaration)
        .filter(({ name, type }) => /^\w+<typeof \w+Collection>$/.test(type.getText()) && !/^[A-Z]\w*Record$/.test(name.text))
        .map((at) => ({ subject: at.name.text, at })),
    ],
    breaks: {
      'src/a.ts': 'export const flags = defineCollection({})',
      'src/b.ts': 'export const flagCollection = defineCollection<Flag>({})',
      'src/c.ts': 'export const flagCollection: Collection<Flag> = defineCollection({})',
      'src/d.ts': 'export type Flag = RecordOf<typeof flagCollection>',
    },
    keeps: {
      'src/a.ts': 'export const flagCollection = defineCollection<FlagRecord>({})\nexport type ARecord = RecordOf<typeof aCollection>',
    },
  },
  {
    name: 'self-contained',
    promise: 'No file speaks of places that are not in the repository, or of numbers of issues.',
    scope: /^(?!package-lock\.json$)/,
    find: ({ text }) => matches(text, FOREIGN),
    breaks: {
      'README.md': `See ${ELSEWHERE[0]}/notes.md.`,
      'docs/a.md': ELSEWHERE[1] ?? '',
      'src/a.ts': `// Mends issue ${12}.`,
      'b.json': `see #${34}`,
    },
    keeps: { 'README.md': 'The work of a #hash, an issue and docs/architecture.md#L12.' },
  },
]

function isAny(node: ts.Node): node is ts.KeywordTypeNode {
  return node.kind === ts.SyntaxKind.AnyKeyword
}

function isDefinition(node: ts.Expression | undefined): boolean {
  return node !== undefined && ts.isCallExpression(node) && node.expression.getText() === 'defineCollection'
}

/** The type argument of `defineCollection<...>` and `Collection<...>`, where these name one. */
function isRecordType(node: ts.TypeNode): boolean {
  const { parent } = node
  if (ts.isCallExpression(parent)) return parent.expression.getText() === 'defineCollection'
  return ts.isTypeReferenceNode(parent) && parent.typeName.getText() === 'Collection' && ts.isTypeReferenceNode(node)
}
