import { posix } from 'node:path'
import ts from 'typescript'
import { type Rule, SRC } from './rule.js'
import { linesOf } from './source.js'

const MAX_FILE_LINES = 350
const MAX_FUNCTION_LINES = 50
const MAX_PARAMETERS = 3
const MAX_FILES = 12

/** How much one file, function or folder of src may hold. */
export const SIZE_RULES: readonly Rule[] = [
  {
    name: 'file-lines',
    promise: `No file of src has more than ${MAX_FILE_LINES} lines.`,
    scope: SRC,
    find: ({ text }) => (linesOf(text) > MAX_FILE_LINES ? [{ subject: `${linesOf(text)} lines` }] : []),
    breaks: { 'src/long.ts': 'go()\n'.repeat(MAX_FILE_LINES + 1) },
    keeps: { 'src/long.ts': 'go()\n'.repeat(MAX_FILE_LINES), 'src/long.test.ts': 'go()\n'.repeat(MAX_FILE_LINES + 1) },
  },
  {
    name: 'function-lines',
    promise: `No function of src has a body of more than ${MAX_FUNCTION_LINES} lines.`,
    scope: SRC,
    find: (source) =>
      source
        .all(isFunction)
        .filter(({ body }) => body && linesOf(body.getText()) > MAX_FUNCTION_LINES)
        .map((at) => ({ subject: nameOf(at), at })),
    breaks: {
      'src/arrow.ts': `export const run = () => {\n${'  go()\n'.repeat(MAX_FUNCTION_LINES - 1)}}`,
      'src/accessor.ts': `class Long {\n  get run() {\n${'    go()\n'.repeat(MAX_FUNCTION_LINES - 1)}  }\n}`,
      'src/constructor.ts': `class Long {\n  constructor() {\n${'    go()\n'.repeat(MAX_FUNCTION_LINES - 1)}  }\n}`,
      'src/expression.ts': `export const run = () => [\n${'  1,\n'.repeat(MAX_FUNCTION_LINES - 1)}]`,
    },
    keeps: { 'src/long.ts': `export class Long {\n  run() {\n${'    go()\n'.repeat(MAX_FUNCTION_LINES - 2)}  }\n\n  walk() {}\n}` },
  },
  {
    name: 'parameters',
    promise: `No function of src has more than ${MAX_PARAMETERS} parameters, except for arguments that GraphQL passes to a resolver.`,
    scope: SRC,
    find: (source) =>
      source
        .all(isFunction)
        .filter((node) => givenParameters(node).length > MAX_PARAMETERS)
        .map((at) => ({ subject: nameOf(at), at })),
    breaks: {
      'src/class.ts': 'export class Many {\n  constructor(a: A, b: B, c: C, d: D) {}\n}',
      'src/arrow.ts': 'export const many = (a: A, b: B, c: C, d: D) => go(a, b, c, d)',
      'src/mixed.ts': 'class Many {\n  many(@Arg("a") a: A, b: B, c: C, d: D, e: E) {}\n}',
    },
    keeps: {
      'src/many.ts': 'class Many {\n  many(@Arg("a") a: A, @Arg("b") b: B, @Ctx() c: C, @Info() d: D) {}\n  few(a: A, b: B, c: C) {}\n}',
    },
  },
  {
    name: 'folder-files',
    promise: `No folder of src has more than ${MAX_FILES} sources side by side.`,
    scope: SRC,
    find({ path }, sources) {
      const folder = posix.dirname(path)
      const siblings = sources.filter((source) => SRC.test(source.path) && posix.dirname(source.path) === folder)
      return siblings.length > MAX_FILES && siblings.at(-1)?.path === path ? [{ subject: folder }] : []
    },
    breaks: filesOf(MAX_FILES + 1),
    keeps: { ...filesOf(MAX_FILES), 'src/room/a.test.ts': '', 'src/room/inner/a.ts': '' },
  },
]

function filesOf(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`src/room/file-${index}.ts`, '']))
}

/** Whether a node is a function with a body, of whatever form. */
export function isFunction(node: ts.Node): node is ts.FunctionLikeDeclaration {
  return ts.isFunctionLike(node) && 'body' in node && node.body !== undefined
}

/** Parameters that a caller has to give: those with a decorator come from GraphQL, each by its name. */
function givenParameters({ parameters }: ts.FunctionLikeDeclaration): ts.ParameterDeclaration[] {
  return parameters.filter((parameter) => !ts.canHaveDecorators(parameter) || !ts.getDecorators(parameter)?.length)
}

function nameOf(node: ts.FunctionLikeDeclaration): string {
  if (ts.isConstructorDeclaration(node)) return `${node.parent.name?.text ?? 'class'}.constructor`
  if (node.name) return node.name.getText()
  return 'name' in node.parent && node.parent.name ? (node.parent.name as ts.Node).getText() : 'a function without a name'
}
