import { changeSeal, nextDigest } from '../ledger/digest.js'
import { type ChangeRecord, fromChangeRow } from '../state/change.js'
import type { AnyCollection } from '../state/collection.js'
import { isSameJson, type JsonObject } from '../values/json.js'
import { type Asking, pageSize, slicedRows, type WalkTools } from './pages.js'

/** A stored object that is not what its last change left. */
export interface TamperedObject {
  readonly targetType: string
  readonly targetId: string
  /** What people call it. */
  readonly targetKey: string
  /** The key of its row. */
  readonly key: string
}

/** What a stored object is compared with. */
export interface ObjectRules {
  readonly auditKey: string
  /** The revision that the log begins behind. */
  readonly startRevision: number
  /** Whether there may be objects of which no change is known: a build that kept nothing has shortened the log. */
  readonly isUnknownAllowed: boolean
}

/** One object as the database has it, and the last change that is known of it. */
interface Standing {
  readonly key: string
  readonly row: string | null
  readonly change: string | null
  /** What was kept of it when the log was shortened. */
  readonly kept: string | null
}

/** Looks at every object of a collection, also at those that should be there and are not. Yields null for one that is as it was left. */
export async function* checkAllObjects(
  tools: WalkTools,
  collection: AnyCollection,
  rules: ObjectRules,
): AsyncGenerator<TamperedObject | null> {
  const size = pageSize(tools.database)
  const [table, key] = [quote(collection.table), keyColumn(collection)]
  // The keys in the log are skipped through, so that an object with a million changes costs no more than one with two.
  const keysAfter = (isAfter: '>' | '>='): string => `WITH RECURSIVE logged(key) AS (
      (SELECT c.target_key FROM changes c WHERE c.target_type = $1 AND c.target_key ${isAfter} $2 ORDER BY c.target_key LIMIT 1)
      UNION ALL
      SELECT (SELECT c.target_key FROM changes c WHERE c.target_type = $1 AND c.target_key > l.key ORDER BY c.target_key LIMIT 1)
      FROM logged l WHERE l.key IS NOT NULL
    ), keys AS (
      SELECT key FROM (
        (SELECT t.${key} AS key FROM ${table} t WHERE t.${key} ${isAfter} $2 ORDER BY t.${key} LIMIT ${size})
        UNION (SELECT l.key FROM logged l WHERE l.key IS NOT NULL LIMIT ${size})
        UNION (SELECT x.target_key FROM kept_changes x WHERE x.target_type = $1 AND x.target_key ${isAfter} $2 ORDER BY x.target_key LIMIT ${size})
      ) found ORDER BY key LIMIT ${size}
    )`
  const asking: Asking<Standing> = (last) => ({
    text: `${keysAfter(last ? '>' : '>=')} ${standingOf(collection)}`,
    values: [collection.name, last?.key ?? ''],
  })
  for await (const standing of slicedRows(tools, asking)) {
    if (standing.row !== null || isLeft(standing)) yield findTampering(collection, standing, rules)
  }
}

/** Looks at the objects of a collection with these keys, and names those that are not as they were left. */
export async function checkObjects(
  tools: WalkTools,
  { collection, keys }: { readonly collection: AnyCollection; readonly keys: readonly string[] },
  rules: ObjectRules,
): Promise<TamperedObject[]> {
  const found: TamperedObject[] = []
  const size = pageSize(tools.database)
  for (let from = 0; from < keys.length; from += size) {
    const text = `WITH keys AS (SELECT unnest($2::text[]) AS key) ${standingOf(collection)}`
    const { rows } = await tools.database.ask<Standing>(text, [collection.name, keys.slice(from, from + size)])
    for (const standing of rows) found.push(...[findTampering(collection, standing, rules)].filter((tampered) => tampered !== null))
  }
  return found
}

/** Object and last change in one statement, so that no commit comes between. */
function standingOf(collection: AnyCollection): string {
  return `SELECT k.key, to_json(t)::text AS row, to_json(c)::text AS change, to_json(x)::text AS kept
    FROM keys k LEFT JOIN ${quote(collection.table)} t ON t.${keyColumn(collection)} = k.key
    LEFT JOIN LATERAL (
      SELECT * FROM changes l WHERE l.target_type = $1 AND l.target_key = k.key ORDER BY l.revision DESC, l.ordinal DESC LIMIT 1
    ) c ON true
    LEFT JOIN kept_changes x ON x.target_type = $1 AND x.target_key = k.key ORDER BY k.key`
}

/** Whether there should be an object. */
function isLeft({ change, kept }: Standing): boolean {
  const last = change ?? kept
  return last !== null && (JSON.parse(last) as JsonObject)['action'] !== 'DELETE'
}

function findTampering(collection: AnyCollection, standing: Standing, rules: ObjectRules): TamperedObject | null {
  const { key, row } = standing
  const record = row === null ? null : collection.fromRow(JSON.parse(row) as JsonObject)
  const last = lastChange(standing, rules)
  if (isAsLeft(collection, { record, last }, rules)) return null
  const known = last === 'forged' ? null : last
  const targetId = known?.targetId ?? (record ? collection.idOf(record) : key)
  // What its last change says comes first: a name may have been edited with the rest.
  const image = known?.after ?? known?.before ?? (record && collection.imageOf(record))
  return { targetType: collection.name, targetId, targetKey: (image && collection.titleOf?.(image)) ?? key, key }
}

/** The last change that is known; what was kept proves itself, and is forged where it does not. */
function lastChange({ change, kept }: Standing, { auditKey, startRevision }: ObjectRules): ChangeRecord | 'forged' | null {
  if (change !== null) return fromChangeRow(JSON.parse(change) as JsonObject)
  if (kept === null) return null
  const row = JSON.parse(kept) as JsonObject
  const last = fromChangeRow(row)
  const isGenuine = last.revision <= startRevision && nextDigest(auditKey, String(row['previous_digest']), last) === last.digest
  return isGenuine ? last : 'forged'
}

function isAsLeft(
  collection: AnyCollection,
  { record, last }: { readonly record: object | null; readonly last: ChangeRecord | 'forged' | null },
  { auditKey, isUnknownAllowed }: ObjectRules,
): boolean {
  if (last === 'forged') return false
  if (!last) return record === null || isUnknownAllowed
  if (last.after === null || record === null) return last.after === null && record === null
  const { after } = last
  const image = collection.imageOf(record)
  // What a later build has added to the record, or taken from it, is not the change's to say.
  const isImageSame = Object.keys(after).every((field) => !(field in image) || isSameJson(image[field], after[field]))
  return isImageSame && (last.seal === null || last.seal === changeSeal(auditKey, last, collection.secretsOf(record)))
}

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

function keyColumn(collection: AnyCollection): string {
  return quote(collection.columns[Object.keys(collection.fields).indexOf(collection.key)] as string)
}
