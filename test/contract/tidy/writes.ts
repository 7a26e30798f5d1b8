import ts from 'typescript'
import type { Rule } from './rule.js'
import type { Source } from './source.js'

const SQL_WRITE = /\b(?:INSERT INTO|UPDATE|DELETE FROM|TRUNCATE(?: TABLE)?)\s+"?(\w+|\$\{)/g
const PRISMA_WRITE = /\.prisma\.(\w+)\.(?:create|update|upsert|delete)\w*$/

/** One door: who writes what. */
export const WRITE_RULES: readonly Rule[] = [
  {
    name: 'ledger-writes',
    promise: 'The records of collections are written by the ledger, and by nothing else.',
    scope: /^src\/(?!core\/ledger\/statements\.ts)(?!.*\.test\.ts$).*\.ts$/,
    find(source, sources) {
      const { tables, models } = ledgered(sources)
      const inSql = source
        .all(isText)
        .flatMap((at) =>
          [...at.getText().matchAll(SQL_WRITE)].map(([, table = '']) => ({ subject: table === '${' ? 'any table' : table, at })),
        )
        .filter(({ subject }) => subject === 'any table' || tables.has(subject))
      const inPrisma = source
        .all(ts.isPropertyAccessExpression)
        .map((at) => ({ subject: PRISMA_WRITE.exec(at.getText())?.[1] ?? '', at }))
        .filter(({ subject }) => models.has(subject))
      return [...inSql, ...inPrisma]
    },
    breaks: {
      'src/packs/a/a.collection.ts': "export const aCollection = defineCollection({ name: 'A', table: 'some_as' })",
      'prisma/models/a.prisma': 'model SomeA {\n  id String @id\n\n  @@map("some_as")\n}\n',
      'src/packs/a/sql.ts': "export const empty = 'DELETE FROM some_as WHERE id = $1'",
      'src/packs/a/prisma.ts': 'export const empty = (database: Database) => database.prisma.someA.deleteMany()',
      'src/packs/a/any.ts': `export const empty = (table: string) => \`WITH ids AS (SELECT 1) DELETE FROM \${table}\``,
    },
    keeps: {
      'src/packs/a/a.collection.ts': "export const aCollection = defineCollection({ name: 'A', table: 'some_as' })",
      'prisma/models/a.prisma': 'model SomeA {\n  @@map("some_as")\n}\nmodel Other {\n  @@map("others")\n}\n',
      'src/packs/a/sql.ts': "export const texts = ['SELECT id FROM some_as', 'DELETE FROM others']",
      'src/packs/a/prisma.ts':
        'export const find = ({ prisma }: Database) => database.prisma.someA.findMany()\ndatabase.prisma.other.create()',
      'src/core/ledger/statements.ts': 'export const empty = (table: string) => `DELETE FROM some_as`',
    },
  },
]

/** Tables of collections, and the names by which Prisma's client knows their models. */
function ledgered(sources: readonly Source[]): { readonly tables: ReadonlySet<string>; readonly models: ReadonlySet<string> } {
  const collections = sources.filter(({ path, text }) => /^src\/.*\.ts$/.test(path) && text.includes('defineCollection'))
  const tables = new Set(collections.flatMap(({ text }) => [...text.matchAll(/^.*\btable: '(\w+)'/gm)].map(([, table = '']) => table)))
  const models = sources
    .filter(({ path }) => path.endsWith('.prisma'))
    .flatMap(({ text }) => [...text.matchAll(/^model (\w)(\w+) \{.*?^ {2}@@map\("(\w+)"\)/gms)])
    .flatMap(([, initial = '', rest = '', table = '']) => (tables.has(table) ? [initial.toLowerCase() + rest] : []))
  return { tables, models: new Set(models) }
}

function isText(node: ts.Node): node is ts.StringLiteral | ts.TemplateLiteral {
  return ts.isStringLiteral(node) || ts.isTemplateExpression(node) || ts.isNoSubstitutionTemplateLiteral(node)
}
