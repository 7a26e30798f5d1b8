import { isoText } from '../values/iso-text.js'
import type { Json, JsonObject } from '../values/json.js'

/** How a field is stored. `json` keeps the text as it was written, in a PostgreSQL json column. */
export type FieldKind = 'text' | 'integer' | 'boolean' | 'json' | 'timestamp'

/** How records of one kind become rows and come back. */
export interface RowCodec<R> {
  /** Column names, in the order of the fields. */
  readonly columns: readonly string[]
  /** The row as JSON, keyed by column, for `json_populate_recordset`. */
  toRow(record: R): JsonObject
  /** The record of a row that came as JSON (`to_json`); columns that are no field are left out. */
  fromRow(row: JsonObject): R
}

/** `isEnabled` -> `is_enabled`. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/**
 * Freezes a JSON value all the way down: records are shared by every reader. A negative zero becomes a zero, which is what
 * is written and read back (ECMA-262, JSON.stringify).
 */
export function freezeJson<T>(value: T): T {
  if (Object.is(value, -0)) return 0 as T
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    const members = value as Record<string, unknown>
    for (const [name, member] of Object.entries(members)) {
      const frozen = freezeJson(member)
      if (!Object.is(frozen, member)) members[name] = frozen
    }
    Object.freeze(value)
  }
  return value
}

/** A field's value as JSON. */
export function toJson(kind: FieldKind, value: unknown): Json {
  if (value === null || value === undefined) return null
  return kind === 'timestamp' ? isoText(value as Date) : (value as Json)
}

/** A field's value of JSON. */
export function fromJson(kind: FieldKind, value: Json | undefined): unknown {
  if (value === null || value === undefined) return null
  return kind === 'timestamp' ? new Date(value as string) : freezeJson(value)
}

/** Rows whose columns are the fields' names in snake_case. */
export function rowCodec<R extends object>(fields: Readonly<Record<keyof R & string, { readonly kind: FieldKind }>>): RowCodec<R> {
  const entries = Object.entries<{ readonly kind: FieldKind }>(fields).map(
    ([field, { kind }]) => [field as keyof R & string, kind, snakeCase(field)] as const,
  )
  return {
    columns: entries.map(([, , column]) => column),
    toRow(record) {
      const row: Record<string, Json> = {}
      for (const [field, kind, column] of entries) row[column] = toJson(kind, record[field])
      return row
    },
    fromRow(row) {
      const record: Record<string, unknown> = {}
      for (const [field, kind, column] of entries) record[field] = fromJson(kind, row[column])
      return Object.freeze(record as R)
    },
  }
}
