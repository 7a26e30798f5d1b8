import type { ChangeModel } from '../../generated/prisma/models.js'
import type { ActorRef } from '../contract/caller.js'
import { AppError } from '../contract/errors.js'
import type { QueryableDatabase } from '../database/database.js'
import { mapInSlices } from '../platform/slices.js'
import {
  type ChangeAction,
  type ChangeEntry,
  type ChangeImages,
  type ChangeRecord,
  type ChangeTarget,
  ENTRY_COLUMNS,
  fromChangeRow,
  fromEntryRow,
  madeBy,
  type PlainChange,
} from '../state/change.js'
import type { SnapshotPosition } from '../state/snapshot.js'
import type { JsonObject } from '../values/json.js'
import { type ChainBounds, GENESIS_DIGEST, type StoredCheckpoint } from './digest.js'
import { digestAt } from './statements.js'

/** Which changes are meant; what is left out (or null) does not matter. */
export interface ChangeLogFilter {
  readonly pack?: string | null
  readonly targetType?: string | null
  readonly targetId?: string | null
  /** Primary key of the record, so that an object that was deleted and made again has one history. */
  readonly targetKey?: string | null
  readonly actorId?: string | null
  readonly operation?: string | null
  readonly action?: ChangeAction | null
  readonly correlationId?: string | null
  /** Revisions above this one. */
  readonly sinceRevision?: number | null
  /** Revisions up to and with this one. */
  readonly untilRevision?: number | null
  readonly since?: Date | null
  readonly until?: Date | null
}

/** A place in the log. */
export interface ChangePosition {
  readonly revision: number
  readonly ordinal: number
}

/** A part of a list of changes, newest first. */
export interface ChangeWindow {
  readonly take: number
  readonly after?: ChangePosition | undefined
  readonly isWithImages?: boolean
}

/** One page of the changes of one record, newest first. */
export interface TargetPage {
  readonly target: ChangeTarget
  readonly take: number
  readonly after?: ChangePosition | undefined
}

/** One image of a change. */
export interface ImagePlace extends ChangePosition {
  readonly side: keyof ChangeImages
}

/** An image, and how many bytes of JSON it is. */
export interface LoadedImage {
  readonly image: JsonObject | null
  readonly bytes: number
}

interface ImageRow {
  readonly n: number
  readonly image: string | null
  readonly is_left: boolean
}

interface BoundsRow {
  readonly head_revision: number
  readonly head_digest: string
  readonly outside: number | null
  readonly checkpoint: StoredCheckpoint | null
}

const GENESIS = { revision: 0, digest: GENESIS_DIGEST }
const OLDEST_FIRST = [{ revision: 'asc' as const }, { ordinal: 'asc' as const }]
/** Changes read at a time by {@link ChangeLog.stream}: of the largest that there can be, these are 32 MB. */
const STREAM_PAGE = 250
/** About so many bytes of images are read with one statement, and at least those of one change. */
const IMAGES_PAGE_BYTES = 2 * 1024 * 1024
/** Images of a page that have about so many bytes together are read with it. */
const SMALL_PAGE_BYTES = 128 * 1024
const COLUMNS = ENTRY_COLUMNS.map((column) => `c.${column}`).join(', ')

/** The records of a parameter, each with its place among them. */
const TARGETS = 'json_to_recordset($1::json) AS t(n int, type text, key text, take int, revision int, ordinal int)'

/**
 * SQL for about how many bytes an image has, without reading it: what is stored, and eight times that where the database has
 * compressed it, which is more than all but those have that repeat themselves.
 */
const sizeOf = (image: string): string =>
  `coalesce(pg_column_size(${image}) * CASE WHEN pg_column_compression(${image}) IS NULL THEN 1 ELSE 8 END, 0)`

/** Reads the log of changes. Everything here asks the database, and answers UNAVAILABLE while it is away. */
export class ChangeLog {
  readonly #database: QueryableDatabase

  constructor(database: QueryableDatabase) {
    this.#database = database
  }

  /** The change with this id (`<revision>.<ordinal>`), or null. */
  async find(id: string): Promise<ChangeRecord | null> {
    const [, revision, ordinal] = /^([1-9]\d{0,8})\.(\d{1,5})$/.exec(id) ?? []
    if (revision === undefined || ordinal === undefined) return null
    const where = { revision_ordinal: { revision: Number(revision), ordinal: Number(ordinal) } }
    const row = await this.#database.askPrisma(({ change }) => change.findUnique({ where }))
    return row && toRecord(row)
  }

  /**
   * Newest first, at most `take`, beginning behind `after`. With images (`isWithImages`) where those of the whole page are small
   * together; large ones are left to {@link imagesOf}.
   */
  async page(filter: ChangeLogFilter, { take, after, isWithImages = false }: ChangeWindow): Promise<ChangeEntry[]> {
    const { where, values } = conditionsOf(filter, after && { ...after, comparison: '<' })
    const images = `CASE WHEN sum(${sizeOf('c.before')} + ${sizeOf('c.after')}) OVER () <= ${SMALL_PAGE_BYTES}
      THEN json_build_object('before', c.before, 'after', c.after) END`
    const text = `SELECT (SELECT to_json(e) FROM (SELECT ${COLUMNS}) e) AS row${isWithImages ? `, ${images} AS images` : ''}
      FROM (SELECT * FROM changes WHERE ${where} ORDER BY revision DESC, ordinal DESC LIMIT ${take}) c
      ORDER BY revision DESC, ordinal DESC`
    const { rows } = await this.#database.ask<{ row: JsonObject; images?: ChangeImages | null }>(text, values)
    return rows.map(({ row, images }) => ({ ...fromEntryRow(row), ...images }))
  }

  /** A page of each record's changes, in the order asked for, without images. One statement for all. */
  async pagesOf(pages: readonly TargetPage[]): Promise<ChangeEntry[][]> {
    const text = `SELECT t.n, to_json(e) AS row FROM ${TARGETS} CROSS JOIN LATERAL (
        SELECT ${COLUMNS} FROM changes c WHERE c.target_type = t.type AND c.target_key = t.key
          AND (t.revision IS NULL OR (c.revision, c.ordinal) < (t.revision, t.ordinal))
        ORDER BY c.revision DESC, c.ordinal DESC LIMIT t.take) e
      ORDER BY t.n, e.revision DESC, e.ordinal DESC`
    const asked = pages.map(({ target: { targetType, targetKey }, take, after }, n) => ({
      n,
      type: targetType,
      key: targetKey,
      take,
      ...after,
    }))
    const { rows } = await this.#database.ask<{ n: number; row: JsonObject }>(text, [JSON.stringify(asked)])
    const found = pages.map((): ChangeEntry[] => [])
    await mapInSlices(rows, ({ n, row }) => found[n]?.push(fromEntryRow(row)))
    return found
  }

  /** The newest change of each record, in the order asked for, without images; null where there is none. One statement for all. */
  async lastOf(targets: readonly ChangeTarget[]): Promise<(ChangeEntry | null)[]> {
    const pages = await this.pagesOf(targets.map((target) => ({ target, take: 1 })))
    return pages.map(([last]) => last ?? null)
  }

  /** How many changes there are of each record, in the order asked for. One statement for all. */
  async countsOf(targets: readonly ChangeTarget[]): Promise<number[]> {
    const text = `SELECT (SELECT count(*) FROM changes c WHERE c.target_type = t.type AND c.target_key = t.key)::int AS count
      FROM ${TARGETS} ORDER BY t.n`
    const asked = targets.map(({ targetType, targetKey }, n) => ({ n, type: targetType, key: targetKey }))
    const { rows } = await this.#database.ask<{ count: number }>(text, [JSON.stringify(asked)])
    return rows.map(({ count }) => count)
  }

  /**
   * Images of changes in the order asked for, null where there is none: as many as one statement may read, so that a reader can
   * stop before memory is short. Fewer than were asked for: ask again for the rest.
   */
  async imagesOf(places: readonly ImagePlace[]): Promise<LoadedImage[]> {
    const text = `WITH images AS (
        SELECT t.n::int, CASE t.side WHEN 'before' THEN c.before ELSE c.after END AS image
        FROM unnest($1::int[], $2::int[], $3::text[]) WITH ORDINALITY AS t(revision, ordinal, side, n) JOIN changes c USING (revision, ordinal)),
      sized AS (SELECT n, image, sum(${sizeOf('image')}) OVER (ORDER BY n) - ${sizeOf('image')} >= $4 AS is_left FROM images)
      SELECT n, CASE WHEN NOT is_left THEN image::text END AS image, is_left FROM sized ORDER BY n`
    const columns = [places.map(({ revision }) => revision), places.map(({ ordinal }) => ordinal), places.map(({ side }) => side)]
    const { rows } = await this.#database.ask<ImageRow>(text, [...columns, IMAGES_PAGE_BYTES])
    const end = rows.find((row) => row.is_left)?.n ?? places.length + 1
    const found = new Map(rows.map(({ n, image }) => [n, image]))
    return mapInSlices(places.slice(0, end - 1), (_, index) => loaded(found.get(index + 1) ?? null))
  }

  /** All changes of one revision, in order. */
  async ofRevision(revision: number): Promise<ChangeRecord[]> {
    const rows = await this.#database.askPrisma(({ change }) => change.findMany({ where: { revision }, orderBy: OLDEST_FIRST }))
    return rows.map(toRecord)
  }

  /** All changes of each revision, in order and without images, in the order asked for. One statement for all. */
  async entriesOf(revisions: readonly number[]): Promise<ChangeEntry[][]> {
    const text = `SELECT to_json(e) AS row FROM (SELECT ${COLUMNS} FROM changes c WHERE revision = ANY ($1::int[])) e
      ORDER BY e.revision, e.ordinal`
    const { rows } = await this.#database.ask<{ row: JsonObject }>(text, [revisions])
    const found = new Map(revisions.map((revision): [number, ChangeEntry[]] => [revision, []]))
    await mapInSlices(rows, ({ row }) => {
      const entry = fromEntryRow(row)
      found.get(entry.revision)?.push(entry)
    })
    return revisions.map((revision) => found.get(revision) ?? [])
  }

  /** Changes in the order in which they were made, a page at a time: memory does not grow with the log. */
  async *stream(filter: ChangeLogFilter): AsyncGenerator<ChangeRecord> {
    let after: ChangePosition | undefined
    for (;;) {
      const { where, values } = conditionsOf(filter, after && { ...after, comparison: '>' })
      const text = `SELECT to_json(c) AS row FROM changes c WHERE ${where} ORDER BY revision, ordinal LIMIT ${STREAM_PAGE}`
      const { rows } = await this.#database.ask<{ row: JsonObject }>(text, values)
      for (const { row } of rows) {
        const change = fromChangeRow(row)
        yield change
        after = change
      }
      if (rows.length < STREAM_PAGE) return
    }
  }

  /**
   * Where the chain begins (genesis, or the checkpoint that the log was shortened to) and where it ends, and whether there are
   * rows outside. One statement: what is committed or taken away meanwhile is seen as a whole or not at all.
   */
  async bounds(): Promise<ChainBounds> {
    const text = `SELECT h.revision AS head_revision, h.digest AS head_digest, least(
        (SELECT min(o.revision) FROM changes o WHERE o.revision <= coalesce(c.revision, 0)),
        (SELECT min(o.revision) FROM changes o WHERE o.revision > h.revision)) AS outside,
        CASE WHEN c.id IS NOT NULL THEN json_build_object('revision', c.revision, 'digest', c.digest,
          'keptCount', c.kept_count, 'unkeptRevision', c.unkept_revision, 'seal', c.seal,
          'foundCount', (SELECT count(*) FROM kept_changes),
          'nextSeal', (SELECT n.seal FROM changes n WHERE n.revision > c.revision ORDER BY n.revision, n.ordinal LIMIT 1)) END AS checkpoint
      FROM ledger_head h LEFT JOIN ledger_checkpoint c ON c.id = 1 WHERE h.id = 1`
    const [row] = (await this.#database.ask<BoundsRow>(text)).rows
    if (!row) throw new Error('ledger_head has no row')
    const { checkpoint } = row
    const start = checkpoint ? { revision: checkpoint.revision, digest: checkpoint.digest } : GENESIS
    const head = { revision: row.head_revision, digest: row.head_digest }
    return { start, head, outsideRevision: row.outside, ...(checkpoint && { checkpoint }) }
  }

  /** Throws BAD_USER_INPUT when `filter.sinceRevision` is no revision, or changes that it asks for have been taken away. */
  async demandKept({ sinceRevision }: ChangeLogFilter): Promise<void> {
    if (sinceRevision === undefined || sinceRevision === null) return
    if (sinceRevision < 0) {
      const message = `The filter's \`sinceRevision\` must be 0 or more, is ${sinceRevision}. 0 means from the beginning of the log.`
      throw new AppError('BAD_USER_INPUT', message)
    }
    const { revision } = (await this.bounds()).start
    if (sinceRevision >= revision) return
    const message = `The log begins behind revision ${revision}: older changes were taken away. Load the state anew, then go on with sinceRevision ${revision} or later.`
    throw new AppError('BAD_USER_INPUT', message, { extensions: { firstSinceRevision: revision } })
  }

  /** Whether the log leads through `position`, which it has not been shortened beyond. */
  async holds({ revision, digest }: SnapshotPosition): Promise<boolean> {
    if (revision === 0) return true
    const [row] = (await this.#database.ask<{ digest: string | null }>(`SELECT ${digestAt('$1')} AS digest`, [revision])).rows
    return row?.digest === digest
  }

  /** Throws BAD_USER_INPUT when the log does not lead through `position` any more: the database was put back to an earlier state. */
  async demandSame({ revision, digest }: SnapshotPosition): Promise<void> {
    if (revision === 0) return
    const text = `SELECT ${digestAt('$1')} AS digest, (SELECT coalesce(max(revision), 0) FROM ledger_checkpoint) AS start`
    const [row] = (await this.#database.ask<{ digest: string | null; start: number }>(text, [revision])).rows
    const isTakenAway = !!row && row.digest === null && revision < row.start
    if (row?.digest === digest || isTakenAway) return
    throw new AppError('BAD_USER_INPUT', 'The log was put back to an earlier state. Load the state anew, then go on from its revision.')
  }
}

/** Members of a filter that must be just what the change has. */
const EXACT = ['pack', 'targetType', 'targetId', 'targetKey', 'actorId', 'operation', 'action', 'correlationId'] as const
const COLUMN_OF: Readonly<Record<(typeof EXACT)[number], string>> = {
  pack: 'pack',
  targetType: 'target_type',
  targetId: 'target_id',
  targetKey: 'target_key',
  actorId: 'actor_id',
  operation: 'operation',
  action: 'action',
  correlationId: 'correlation_id',
}

/** Whether a change is one of those meant: the same rule as the database's, for changes that arrive live. */
export function matchesFilter(change: ChangeRecord, filter: ChangeLogFilter): boolean {
  const actual = { ...change, actorId: change.actor.id }
  return (
    EXACT.every((name) => (filter[name] ?? actual[name]) === actual[name]) &&
    (filter.sinceRevision ?? -1) < change.revision &&
    (filter.untilRevision ?? Number.MAX_SAFE_INTEGER) >= change.revision &&
    (filter.since?.getTime() ?? Number.NEGATIVE_INFINITY) <= change.at.getTime() &&
    (filter.until?.getTime() ?? Number.POSITIVE_INFINITY) >= change.at.getTime()
  )
}

/** SQL for which changes are meant, and its values; `place` bounds them to those on one side of it. */
export function conditionsOf(
  filter: ChangeLogFilter,
  place?: ChangePosition & { readonly comparison: '<' | '>' },
): { readonly where: string; readonly values: readonly unknown[] } {
  const given: readonly (readonly [string, unknown])[] = [
    ...EXACT.map((name) => [`${COLUMN_OF[name]} =`, filter[name]] as const),
    ['revision >', filter.sinceRevision],
    ['revision <=', filter.untilRevision],
    ['at >=', filter.since],
    ['at <=', filter.until],
  ]
  const meant = given.filter(([, value]) => value !== undefined && value !== null)
  const conditions = meant.map(([comparison], index) => `${comparison} $${index + 1}`)
  const values = meant.map(([, value]) => value)
  if (!place) return { where: conditions.join(' AND ') || 'true', values }
  const behind = `(revision, ordinal) ${place.comparison} ($${values.length + 1}, $${values.length + 2})`
  return { where: [...conditions, behind].join(' AND '), values: [...values, place.revision, place.ordinal] }
}

function toRecord(row: ChangeModel): ChangeRecord {
  return madeBy(actorOf(row), row as PlainChange)
}

function actorOf({ actorId, actorName, actorClientType }: Omit<ChangeModel, keyof ChangeImages>): ActorRef {
  return { id: actorId, name: actorName, clientType: actorClientType } as ActorRef
}

function loaded(text: string | null): LoadedImage {
  return text === null ? { image: null, bytes: 0 } : { image: JSON.parse(text) as JsonObject | null, bytes: text.length }
}
