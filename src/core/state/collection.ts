import type { Permission } from '../contract/caller.js'
import type { UserErrorData } from '../contract/errors.js'
import { isSameJson, type JsonObject } from '../values/json.js'
import { type FieldKind, freezeJson, fromJson, type RowCodec, rowCodec, toJson } from './row-codec.js'

/** The records of one collection in key order, to be read. */
export interface View<R> {
  readonly size: number
  get(key: string): R | undefined
  /** Look-up in one of the collection's unique indexes. */
  find(index: string, value: string): R | undefined
  /** Records in key order; those after `afterKey` when it is given. */
  values(afterKey?: string): IterableIterator<R>
  /** The records that a listing of the collection has under this value, in key order; those after `afterKey` when it is given. */
  listed(listing: string, value: string, afterKey?: string): IterableIterator<R>
  /** All records in the order of a listing, each with its place there (see {@link placeIn}); those behind `place` when it is given. */
  inOrder(listing: string, place?: string): IterableIterator<readonly [place: string, record: R]>
  /** What a listing has records under, each value once, in order. */
  valuesOf(listing: string): IterableIterator<string>
}

/** Where a record stands in a listing: by what it is listed under, then by its key. No text that is stored holds U+0000. */
export function placeIn(value: string, key: string): string {
  return `${value}\u0000${key}`
}

/** The last moment that there is, in milliseconds since 1970 (ECMA-262, time values). */
const LAST_MS = 8.64e15

/** What a listing has a moment under whose records come newest first. */
export function newestFirst(time: Date): string {
  return String(LAST_MS - time.getTime()).padStart(17, '0')
}

/** A state to be read, whether it is in force or pending. */
export interface ReadableState {
  view<R extends object>(collection: Collection<R>): View<R>
}

/** One field of a record: how it is stored, and (for the compiler alone) what it holds. */
export interface FieldSpec<T> {
  readonly kind: FieldKind
  readonly isNullable: boolean
  readonly holds?: T
}

const fieldOf = <T>(kind: FieldKind): FieldSpec<T> => ({ kind, isNullable: false })
/** A text; `T` names the few that it may be. */
export const text = <T extends string = string>(): FieldSpec<T> => fieldOf('text')
/** A whole number, 32 bits with its sign. */
export const integer = (): FieldSpec<number> => fieldOf('integer')
export const boolean = (): FieldSpec<boolean> => fieldOf('boolean')
/** A moment, to the millisecond. */
export const timestamp = (): FieldSpec<Date> => fieldOf('timestamp')
/** Any JSON of this shape. */
export const json = <T>(): FieldSpec<T> => fieldOf('json')
/** A field that may hold nothing. */
export const nullable = <T>({ kind }: FieldSpec<T>): FieldSpec<T | null> => ({ kind, isNullable: true })

/** What every record that is edited has: how often it was, and when. */
export const editFields = { version: integer(), createdAt: timestamp(), updatedAt: timestamp() }

/** The fields of a record by their names. */
export type Fields<R> = { readonly [K in keyof R & string]: FieldSpec<R[K]> }

/** The record that has these fields. */
export type RecordOf<F> = { readonly [K in keyof F]: F[K] extends FieldSpec<infer T> ? T : never }

/** How records stand in the exported state: under their titles, with what their mutation takes. */
export interface ExportSpec<F extends string = string> {
  /** Name of their part of the document. */
  readonly section: string
  /** The fields that the mutation which makes and changes them takes besides the key. */
  readonly fields: readonly F[]
  /** The record of another collection whose id stands in the title: it differs between environments, so that the name is shown in its place. */
  referenceOf?(image: JsonObject): ExportReference | undefined
}

/** A record that another one names by its id. */
export interface ExportReference {
  readonly targetType: string
  readonly key: string
  /** What stands before the name of the record, such as "client:". */
  readonly word: string
}

/** How records are found by whoever searches for a text. */
export interface SearchSpec<R> {
  /** What kind of hit they are. */
  readonly kind: string
  /** What people know the record by. */
  titleOf(record: R): string
  /** A few words more, which are searched as well; null for none. */
  subtitleOf(record: R): string | null
}

/** What a pack writes down about the records of one kind. */
export interface CollectionSpec<R extends object> {
  /** The record's type in the public schema, and `targetType` of its changes. */
  readonly name: string
  /** Table in the database. Columns are the fields' names in snake_case. */
  readonly table: string
  /** The field that is the primary key. */
  readonly key: keyof R & string
  /** The field that identifies the object to clients (`Change.targetId`). */
  readonly id: keyof R & string
  /** The field that counts the record's edits, from 1. */
  readonly version: keyof R & string
  /** What people call the object, from its image; left out: its key. */
  titleOf?(image: JsonObject): string
  readonly fields: Fields<R>
  /** Fields that must never leave the row: not in images, so neither in changes nor in answers. */
  readonly secrets?: readonly (keyof R & string)[]
  /** True for records that tell how an operation went: they are no part of what it did, so that no plan shows and no revert touches them. */
  readonly isBookkeeping?: boolean
  /** What a caller has to hold to put a change of such a record back; where it depends on the change, from its images before and after. */
  readonly writePermission: Permission | ((before: JsonObject | null, after: JsonObject | null) => Permission)
  /** Faults of a state in which a revert has put this record back, where its commands keep more than the record itself in order. */
  findRestoredFaults?(state: ReadableState, record: R, now: Date): readonly UserErrorData[]
  /** Present where the records belong to the state that people keep as a document. */
  readonly exported?: ExportSpec<keyof R & string>
  /** Present where people search for the records. */
  readonly searched?: SearchSpec<R>
  /** Unique look-ups besides the key: from a record to the values under which it is found. */
  readonly indexes?: Readonly<Record<string, (record: R) => readonly string[]>>
  /** Look-ups of many: from a record to the value that it is listed under. */
  readonly listings?: Readonly<Record<string, (record: R) => string>>
}

/** A {@link CollectionSpec} with the conversions that follow from it. */
export interface Collection<R extends object> extends Omit<CollectionSpec<R>, 'writePermission'>, RowCodec<R> {
  /** Id of the pack that owns it, which says so itself: see `definePack`. */
  pack: string
  writePermission(before: JsonObject | null, after: JsonObject | null): Permission
  keyOf(record: R): string
  idOf(record: R): string
  versionOf(record: R): number
  /** The public image: JSON, times as ISO 8601, without secrets. */
  imageOf(record: R): JsonObject
  /** What the image leaves out, by field, as JSON; only what holds something, so that a field that a later build adds changes nothing. */
  secretsOf(record: R): JsonObject
  /** Whether an image is all of its record: there are no secrets, and whoever made it knew every field. */
  isWhole(image: JsonObject): boolean
  /** The record of an image. Secrets come from `secretsFrom`, and are null without it. */
  fromImage(image: JsonObject, secretsFrom?: R): R
}

/** Any collection, for code that does not care about the record's type. */
export interface AnyCollection {
  readonly name: string
  pack: string
  readonly table: string
  readonly key: string
  readonly version: string
  readonly fields: Readonly<Record<string, FieldSpec<unknown>>>
  readonly indexes?: Readonly<Record<string, (record: never) => readonly string[]>>
  readonly listings?: Readonly<Record<string, (record: never) => string>>
  readonly columns: readonly string[]
  readonly isBookkeeping?: boolean
  readonly exported?: ExportSpec
  readonly searched?: SearchSpec<never>
  writePermission(before: JsonObject | null, after: JsonObject | null): Permission
  findRestoredFaults?(state: ReadableState, record: never, now: Date): readonly UserErrorData[]
  keyOf(record: object): string
  idOf(record: object): string
  versionOf(record: object): number
  imageOf(record: object): JsonObject
  secretsOf(record: object): JsonObject
  titleOf?(image: JsonObject): string
  isWhole(image: JsonObject): boolean
  fromImage(image: JsonObject, secretsFrom?: object): object
  toRow(record: object): JsonObject
  fromRow(row: JsonObject): object
}

/** Defines a collection: everything that the state and the database need to know about one kind of record. */
export function defineCollection<R extends object>(spec: CollectionSpec<R>): Collection<R> {
  const fields = Object.entries<FieldSpec<unknown>>(spec.fields).map(([field, { kind }]) => [field as keyof R & string, kind] as const)
  const { writePermission } = spec
  const secrets = new Set<string>(spec.secrets ?? [])
  const publicFields = fields.filter(([field]) => !secrets.has(field))

  return {
    ...spec,
    ...rowCodec<R>(spec.fields),
    pack: '',
    writePermission: typeof writePermission === 'string' ? () => writePermission : writePermission,
    keyOf: (record) => String(record[spec.key]),
    idOf: (record) => String(record[spec.id]),
    versionOf: (record) => Number(record[spec.version]),
    imageOf: (record) => Object.fromEntries(publicFields.map(([field, kind]) => [field, toJson(kind, record[field])])),
    secretsOf(record) {
      const held = fields.filter(([field]) => secrets.has(field) && (record[field] ?? null) !== null)
      return Object.fromEntries(held.map(([field, kind]) => [field, toJson(kind, record[field])]))
    },
    isWhole: (image) => secrets.size === 0 && publicFields.every(([field]) => field in image),
    fromImage(image, secretsFrom) {
      const entries = fields.map(([field, kind]) => [
        field,
        secrets.has(field) ? (secretsFrom?.[field] ?? null) : fromJson(kind, image[field]),
      ])
      return Object.freeze(Object.fromEntries(entries) as R)
    },
  }
}

/** A copy of `record` with `patch`, its version one higher and `updatedAt` now; `record` itself when the patch changes nothing. */
export function revise<R extends { readonly updatedAt: Date }>(
  collection: Collection<R>,
  record: R,
  change: { readonly patch: Partial<R>; readonly now: Date },
): R {
  const patched = { ...record, ...change.patch }
  const isSame = Object.keys(collection.fields).every((field) => {
    const { kind } = collection.fields[field as keyof R & string]
    const [before, after] = [record, patched].map((of) => toJson(kind, of[field as keyof R]))
    return kind === 'json' ? isSameJson(before, after) : before === after
  })
  if (isSame) return record
  return seal(collection, { ...patched, [collection.version]: collection.versionOf(record) + 1, updatedAt: change.now })
}

/** What a record is edited with. */
export interface Edit<R> {
  /** The record as it is; undefined where there is none. */
  readonly before: R | undefined
  /** A new record, but for what counts edits: what an input says nothing about. */
  readonly blank: Omit<R, keyof typeof editFields>
  /** What an input says, by the names of the record's fields: null stands for what `blank` has, and what is left out stays. */
  readonly given: { readonly [K in keyof R]?: R[K] | null }
  readonly now: Date
}

/** What an input makes of a record, or a new one; the record itself when nothing changes. */
export function edited<R extends { readonly updatedAt: Date }>(collection: Collection<R>, { before, blank, given, now }: Edit<R>): R {
  const names = (Object.keys(blank) as (keyof typeof blank & keyof R)[]).filter((name) => given[name] !== undefined)
  const patch = Object.fromEntries(names.map((name) => [name, given[name] ?? blank[name]])) as unknown as Partial<R>
  if (before) return revise(collection, before, { patch, now })
  return seal(collection, { ...blank, ...patch, version: 1, createdAt: now, updatedAt: now } as unknown as R)
}

/** Freezes a record made by a command, all the way down. */
export function seal<R extends object>(collection: Collection<R>, record: R): R {
  const fields = record as Record<string, unknown>
  for (const [field, { kind }] of Object.entries<FieldSpec<unknown>>(collection.fields))
    if (kind === 'json') fields[field] = freezeJson(fields[field])
  return Object.freeze(record)
}
