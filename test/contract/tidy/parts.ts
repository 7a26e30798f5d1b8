import { posix } from 'node:path'
import ts from 'typescript'
import { type Finding, type Rule, SRC } from './rule.js'
import { isFunction } from './size.js'
import type { Source } from './source.js'

/** What one part of src may know of another, and which means it may use. */
export const PART_RULES: readonly Rule[] = [
  {
    name: 'resolver-database',
    promise: 'A resolver reads the snapshot or asks a store: it knows neither Prisma nor a pool of connections.',
    scope: /^src\/.*\.resolver\.ts$/,
    find: (source) => [
      ...importsOf(source).flatMap(({ from, at }) => (from.startsWith('src/generated/') ? [{ subject: from, at }] : [])),
      ...identifiers(source, /^(prisma|pool)$/),
    ],
    breaks: {
      'src/packs/a/a.resolver.ts': 'export const find = (core: Core) => core.database.prisma.a.findMany()',
      'src/packs/a/b.resolver.ts': 'export const find = ({ pool }: Database) => pool.query(FIND)',
      'src/packs/a/c.resolver.ts': "import type { A } from '../../generated/prisma/client.js'",
    },
    keeps: {
      'src/packs/a/a.resolver.ts': 'export const find = (core: Core) => core.database.read()',
      'src/packs/a/a.store.ts': 'go(pool)',
    },
  },
  {
    name: 'no-proxy',
    promise: 'Nothing in src stands in for another object by a Proxy.',
    scope: SRC,
    find: (source) => constructions(source, 'Proxy'),
    breaks: { 'src/a.ts': 'export const a = new Proxy({}, {})' },
    keeps: { 'src/a.ts': "export const a = new Relay({}, {}) // new Proxy({}, {})\nexport const b = 'new Proxy()'" },
  },
  {
    name: 'no-inner-class',
    promise: 'No class of packs and server is made inside of a function.',
    scope: /^src\/(packs|server)\/(?!.*\.test\.ts$)/,
    find: (source) =>
      source
        .all(ts.isClassLike)
        .filter((node) => ts.findAncestor(node.parent, isFunction))
        .map((at) => ({ subject: at.name?.text ?? 'a class without a name', at })),
    breaks: { 'src/packs/a/a.resolver.ts': 'export function make() {\n  class Made {}\n  return Made\n}' },
    keeps: { 'src/packs/a/a.resolver.ts': 'export class Made {\n  make() {}\n}', 'src/core/a.ts': 'export const make = () => class {}' },
  },
  {
    name: 'no-weak-map',
    promise: 'Packs and server hide nothing in a WeakMap: what lives as long as a request is in its context.',
    scope: /^src\/(packs|server)\/(?!.*\.test\.ts$)/,
    find: (source) => constructions(source, 'WeakMap'),
    breaks: { 'src/server/a.ts': 'const known = new WeakMap<object, string>()' },
    keeps: { 'src/server/a.ts': 'const known = new Map<string, string>()', 'src/core/a.ts': 'const known = new WeakMap()' },
  },
  {
    name: 'policy-beside-the-field',
    promise: 'A caller’s role is compared in enforcement and where roles are kept, and nowhere else.',
    scope: /^src\/(?!enforcement\/|packs\/api-clients\/)(?!.*\.test\.ts$)/,
    find: (source) =>
      [
        ...source.all(ts.isBinaryExpression).filter((node) => isEquality(node) && [node.left, node.right].some(isRole)),
        ...source.all(ts.isSwitchStatement).filter(({ expression }) => isRole(expression)),
      ].map((at) => ({ subject: at.getText().split('\n', 1)[0] ?? '', at })),
    breaks: {
      'src/packs/a/a.commands.ts': "export const isAllowed = ({ caller }: Context) => caller.role === 'ADMIN'",
      'src/packs/a/b.commands.ts': "export const isAllowed = ({ role }: Caller) => 'ADMIN' !== role",
      'src/server/c.ts': "switch (caller.role) {\n  case 'ADMIN':\n}",
    },
    keeps: {
      'src/packs/a/a.commands.ts': 'export const named = ({ caller }: Context) => ({ role: caller.role, isFirst: caller.id === id })',
      'src/enforcement/a.ts': "export const isAllowed = ({ role }: Caller) => caller.role === 'ADMIN'",
    },
  },
  {
    name: 'pack-exports',
    promise: 'Whatever the index.ts of a pack exports is used above the pack.',
    scope: /^src\/packs\/[^/]+\/index\.ts$/,
    find(source, sources) {
      const above = sources.filter(({ path }) => SRC.test(path) && /^src\/(packs\/[^/]+\.ts|enforcement\/|server\/|[^/]+\.ts)/.test(path))
      const used = new Set(above.flatMap((user) => importsOf(user).flatMap(({ from, names }) => (from === source.path ? names : []))))
      return exportsOf(source).filter(({ subject }) => !used.has(subject))
    },
    breaks: {
      'src/packs/a/index.ts': 'export const a = {}\nexport const b = {}',
      'src/packs/b/index.ts': "export type { B } from './b.js'",
      'src/packs/c/index.ts': "export * from './c.js'",
      'src/packs/index.ts': "import { a } from './a/index.js'",
      'src/packs/b/user.ts': "import { B } from './index.js'",
    },
    keeps: {
      'src/packs/a/index.ts': "export const a = {}\nexport { b } from './b.js'",
      'src/packs/index.ts': "import { a } from './a/index.js'",
      'src/server/c.ts': "import { b as c } from '../packs/a/index.js'",
    },
  },
]

function identifiers(source: Source, pattern: RegExp): Finding[] {
  return source.all(ts.isIdentifier).flatMap((at) => (pattern.test(at.text) ? [{ subject: at.text, at }] : []))
}

function constructions(source: Source, name: string): Finding[] {
  return source.all(ts.isNewExpression).flatMap((at) => (at.expression.getText() === name ? [{ subject: name, at }] : []))
}

function isEquality({ operatorToken: { kind } }: ts.BinaryExpression): boolean {
  return kind === ts.SyntaxKind.EqualsEqualsEqualsToken || kind === ts.SyntaxKind.ExclamationEqualsEqualsToken
}

function isRole(node: ts.Expression): boolean {
  return (ts.isPropertyAccessExpression(node) ? node.name : node).getText() === 'role'
}

interface Import {
  /** Path of the source that is imported, or the name of a package. */
  readonly from: string
  readonly names: readonly string[]
  readonly at: ts.Node
}

function importsOf(source: Source): Import[] {
  return source.all(ts.isImportDeclaration).map((at) => {
    const specifier = (at.moduleSpecifier as ts.StringLiteral).text
    const from = specifier.startsWith('.') ? posix.join(posix.dirname(source.path), specifier.replace(/\.js$/, '.ts')) : specifier
    const bindings = at.importClause?.namedBindings
    const elements = bindings && ts.isNamedImports(bindings) ? bindings.elements : []
    return { from, names: elements.map(({ propertyName, name }) => (propertyName ?? name).text), at }
  })
}

function exportsOf(source: Source): Finding[] {
  return source.all(ts.isSourceFile).flatMap(({ statements }) =>
    statements.flatMap((at) => {
      if (ts.isExportDeclaration(at)) {
        const { exportClause } = at
        return exportClause && ts.isNamedExports(exportClause)
          ? exportClause.elements.map(({ name }) => ({ subject: name.text, at }))
          : [{ subject: '*', at }]
      }
      const isExported = ts.canHaveModifiers(at) && ts.getModifiers(at)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
      if (!isExported) return []
      const declared = ts.isVariableStatement(at) ? at.declarationList.declarations : [at as ts.DeclarationStatement]
      return declared.map(({ name }) => ({ subject: name?.getText() ?? 'default', at }))
    }),
  )
}
