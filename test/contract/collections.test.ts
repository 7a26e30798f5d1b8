import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { type AnyCollection, text, timestamp } from '../../src/core/state/collection.js'
import type { FieldKind } from '../../src/core/state/row-codec.js'
import { packs } from '../../src/packs/index.js'

const MODELS = new URL('../../prisma/models/', import.meta.url)
const TYPES: Readonly<Record<FieldKind, string>> = {
  text: 'String',
  integer: 'Int',
  boolean: 'Boolean',
  json: 'Json @db.Json',
  timestamp: 'DateTime @db.Timestamptz(3)',
}

type Columns = Readonly<Record<string, string>>

const describeColumn = ({ type, isNullable, isKey }: { type: string; isNullable: boolean; isKey: boolean }) =>
  `${type}${isNullable ? '?' : ''}${isKey ? ' @id' : ''}`

/** The columns of every table that Prisma models describe, by name. */
function columnsOfModels(models: string): Map<string, Columns> {
  const tables = [...models.matchAll(/^model \w+ \{\n(.*?)^\}/gms)].map(([, body = '']) => {
    const columns = [...body.matchAll(/^ +(\w+) +([\w[\]]+)(\??)(.*)$/gm)].map(([, name = '', type, optional, rest = '']) => {
      const [, column = name] = /@map\("(\w+)"\)/.exec(rest) ?? []
      const full = [type, ...(/@db\.\S+/.exec(rest) ?? [])].join(' ')
      return [column, describeColumn({ type: full, isNullable: optional === '?', isKey: / @id\b/.test(rest) })]
    })
    return [String(/@@map\("(\w+)"\)/.exec(body)?.[1]), Object.fromEntries(columns) as Columns] as const
  })
  return new Map(tables)
}

/** The columns that a collection writes and reads. */
function columnsOfFields({ fields, columns, key }: Pick<AnyCollection, 'fields' | 'columns' | 'key'>): Columns {
  const entries = Object.entries(fields).map(([name, { kind, isNullable }], index) => {
    return [columns[index], describeColumn({ type: TYPES[kind], isNullable, isKey: name === key })]
  })
  return Object.fromEntries(entries)
}

const files = readdirSync(MODELS).map((name) => readFileSync(new URL(name, MODELS), 'utf8'))
const tables = columnsOfModels(files.join('\n'))
const collections = packs.flatMap((pack) => pack.collections)

it.each(collections)('the records of $name are what its table holds: the same columns of the same types', (collection) => {
  expect(columnsOfFields(collection)).toEqual(tables.get(collection.table))
})

it('every model is read, and every pack with records of its own has its collections looked at', () => {
  expect(tables.size).toBe(files.join('\n').match(/^model /gm)?.length)
  expect(collections.length).toBeGreaterThan(5)
  expect([...tables.values()].filter((columns) => Object.keys(columns).length === 0)).toEqual([])
})

it('a column that is missing, too many, of another name or type, or the wrong key is seen', () => {
  const model = (lines: string) => columnsOfModels(`model Thing {\n${lines}\n  @@map("things")\n}\n`).get('things')
  const thing = { fields: { id: text(), madeAt: timestamp() }, columns: ['id', 'made_at'], key: 'id' }
  const [id, madeAt] = ['  id String @id', '  /// When.\n  madeAt DateTime @map("made_at") @db.Timestamptz(3)']
  expect(model(`${id}\n${madeAt}`)).toEqual(columnsOfFields(thing))
  const others = [
    id,
    `${id}\n${madeAt.replace('DateTime', 'DateTime?')}`,
    `${id}\n${madeAt}\n  size Int`,
    `${id}\n  madeAt DateTime @db.Timestamptz(3)`,
    `${id}\n${madeAt.replace('(3)', '(6)')}`,
  ]
  for (const lines of [...others, `  id Int @id\n${madeAt}`, `  id String\n${madeAt} @id`])
    expect(model(lines)).not.toEqual(columnsOfFields(thing))
})
