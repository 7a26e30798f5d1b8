import ts from 'typescript'
import { type Rule, TESTS } from './rule.js'
import type { Source } from './source.js'

const COMPARISONS = /^to(Be(Less|Greater)Than(OrEqual)?|BeCloseTo|BeWithin)$/

/** How tests are written. */
export const TEST_RULES: readonly Rule[] = [
  {
    name: 'no-time-asserted',
    promise: 'No test asserts how long something took: on a busy machine it takes longer.',
    scope: TESTS,
    find(source) {
      const clocks = new Clocks(source)
      return source
        .all(ts.isCallExpression)
        .filter((call) => (isComparison(call) && clocks.isSpanIn(call)) || isExpectOfSpan(call))
        .map((at) => ({ subject: at.getText().replace(/\s+/g, ' '), at }))
    },
    breaks: {
      'test/a.test.ts': 'const startedAt = performance.now()\nawait go()\nexpect(performance.now() - startedAt).toBeLessThan(500)',
      'test/b.test.ts': 'times.push(clock.monotonicMs() - startedAt)\nexpect(Math.max(...times)).not.toBeGreaterThan(500)',
      'test/c.test.ts':
        'const wait = async () => {\n  return Date.now() - startedAt\n}\nconst took = await wait()\nexpect(took / 2).toBeLessThan(5)',
      'test/rounds.test.ts':
        'const go = async () => {\n  return { ms: Date.now() - at }\n}\nrounds.push(await go())\nexpect(rounds.map((round) => round.ms).sort().at(-1)).toBeLessThan(5)',
      'test/d.test.ts': 'expect(answer.tookMs).toBe(5)',
      'test/e.test.ts': 'const startedAt = Date.now()\nexpect(Date.now()).toBeLessThan(startedAt + 500)',
    },
    keeps: {
      'test/a.test.ts':
        'const expiresAt = Date.now() + 5\nexpect(ask({ expiresAt }).length).toBeLessThan(5)\nexpect(at).toBeLessThan(Date.now())',
    },
  },
  {
    name: 'it-not-test',
    promise: 'A test is called `it`.',
    scope: TESTS,
    find: (source) =>
      source
        .all(ts.isImportSpecifier)
        .filter(({ name, parent }) => name.text === 'test' && parent.parent.parent.moduleSpecifier.getText() === "'vitest'")
        .map((at) => ({ subject: at.getText(), at })),
    breaks: { 'src/a.test.ts': "import { expect, test } from 'vitest'" },
    keeps: { 'src/a.test.ts': "import { expect, it } from 'vitest'\nimport { test } from './test.js'" },
  },
]

/** What in one file comes from a clock: names of moments, and names of spans between them, wherever in the file they are. */
class Clocks {
  readonly #moments = new Set<string>()
  readonly #spans = new Set<string>()

  constructor(source: Source) {
    const values = [...valuesOf(source)]
    for (let known = -1; known < this.#moments.size + this.#spans.size; ) {
      known = this.#moments.size + this.#spans.size
      for (const { name, value } of values) {
        if (this.#isSpan(value)) this.#spans.add(name)
        else if (this.#isMoment(value)) this.#moments.add(name)
      }
    }
  }

  /** Whether `expect(...).toBeLessThan(...)` is about a span, on either side. */
  isSpanIn(call: ts.CallExpression): boolean {
    const [given] = subjectOf(call)?.arguments ?? []
    return [given, ...call.arguments].some((value) => value !== undefined && this.#isSpan(value))
  }

  #isMoment(node: ts.Node): boolean {
    if (ts.isCallExpression(node) && /^(performance\.now|Date\.now|.*\bmonotonicMs)$/.test(node.expression.getText())) return true
    return this.#moments.has(nameOf(node)) || (isTransparent(node) && partsOf(node).some((part) => this.#isMoment(part)))
  }

  #isSpan(node: ts.Node): boolean {
    if (ts.isBinaryExpression(node) && isSum(node) && [node.left, node.right].some((side) => this.#isMoment(side))) return true
    return this.#spans.has(nameOf(node)) || (isTransparent(node) && partsOf(node).some((part) => this.#isSpan(part)))
  }
}

/** Everything in a file that gives a name to a value: variables, members, what is pushed, and what a function returns. */
function* valuesOf(source: Source): Generator<{ name: string; value: ts.Node }> {
  const isNamed = (node: ts.Node) => ts.isVariableDeclaration(node) || ts.isPropertyAssignment(node)
  for (const { name, initializer } of source.all(isNamed)) if (initializer) yield { name: name.getText(), value: initializer }
  for (const { left, right, operatorToken } of source.all(ts.isBinaryExpression))
    if (operatorToken.kind === ts.SyntaxKind.EqualsToken) yield { name: nameOf(left), value: right }
  for (const { expression, arguments: given } of source.all(ts.isCallExpression))
    if (ts.isPropertyAccessExpression(expression) && expression.name.text === 'push')
      for (const value of given) yield { name: nameOf(expression.expression), value }
  for (const statement of source.all(ts.isReturnStatement)) {
    const maker = ts.findAncestor(statement, ts.isFunctionLike)
    const name = maker?.name ?? (maker && ts.isVariableDeclaration(maker.parent) ? maker.parent.name : undefined)
    if (name && statement.expression) yield { name: name.getText(), value: statement.expression }
  }
}

/** The last name of `a`, `a.b`, `a.b()`; empty for what has none. */
function nameOf(node: ts.Node): string {
  if (ts.isIdentifier(node)) return node.text
  if (ts.isPropertyAccessExpression(node)) return node.name.text
  return ts.isCallExpression(node) || ts.isAwaitExpression(node) ? nameOf(node.expression) : ''
}

/** Whether what a node says is still about the same time as its parts. */
function isTransparent(node: ts.Node): boolean {
  if (ts.isCallExpression(node)) return /^Math\.\w+$|\.(at|map|slice|sort|toSorted)$/.test(node.expression.getText())
  if (ts.isPropertyAccessExpression(node)) return ts.isCallExpression(node.parent) && node.parent.expression === node
  if (ts.isArrowFunction(node)) return !ts.isBlock(node.body)
  if (ts.isObjectLiteralExpression(node) || ts.isPropertyAssignment(node)) return true
  const isWrapped = ts.isParenthesizedExpression(node) || ts.isAwaitExpression(node) || ts.isSpreadElement(node)
  return isWrapped || ts.isBinaryExpression(node) || ts.isConditionalExpression(node) || ts.isElementAccessExpression(node)
}

function partsOf(node: ts.Node): ts.Node[] {
  const parts: ts.Node[] = []
  ts.forEachChild(node, (part) => void parts.push(part))
  return parts
}

function isSum({ operatorToken: { kind } }: ts.BinaryExpression): boolean {
  return kind === ts.SyntaxKind.MinusToken || kind === ts.SyntaxKind.PlusToken
}

function isComparison({ expression }: ts.CallExpression): boolean {
  return ts.isPropertyAccessExpression(expression) && COMPARISONS.test(expression.name.text)
}

/** The `expect(...)` that a matcher is called on. */
function subjectOf(call: ts.CallExpression): ts.CallExpression | undefined {
  let node: ts.Node = call.expression
  while (ts.isPropertyAccessExpression(node)) node = node.expression
  return ts.isCallExpression(node) && isExpect(node) ? node : undefined
}

function isExpect({ expression }: ts.CallExpression): boolean {
  return /^expect(\.\w+)?$/.test(expression.getText())
}

function isExpectOfSpan(call: ts.CallExpression): boolean {
  const [given] = call.arguments
  return isExpect(call) && given !== undefined && /^(took|elapsed)/i.test(nameOf(given))
}
