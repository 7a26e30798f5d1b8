import type { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openPglite } from '../../../../test/testkit/databases.js'
import { PGliteStream } from './pglite-stream.js'

let db: PGlite
let pool: pg.Pool

beforeAll(async () => {
  db = await openPglite()
})
afterAll(() => db.close())
beforeEach(async () => {
  pool = new pg.Pool({ user: 'postgres', database: 'postgres', ssl: false, max: 1, stream: () => new PGliteStream(db) })
  await pool.query('CREATE TABLE notes (id int PRIMARY KEY, note text)')
})
afterEach(async () => {
  await pool.query('DROP TABLE notes')
  await pool.end()
})

const notes = async () => (await pool.query<{ id: number }>('SELECT id FROM notes ORDER BY id')).rows.map(({ id }) => id)

describe('pg over PGlite', () => {
  it('runs several statements of one text (the simple protocol)', async () => {
    await pool.query('INSERT INTO notes VALUES (1); INSERT INTO notes VALUES (2)')
    expect(await notes()).toEqual([1, 2])
  })

  it('runs parameters (the extended protocol) and gives typed answers', async () => {
    const { rows } = await pool.query('SELECT $1::int AS i, $2::text AS t, $3::timestamptz AS at, $4::json AS j', [
      7,
      'æ ÿ 漢 🦊',
      '2026-01-02T03:04:05Z',
      '{"a":[1]}',
    ])
    expect(rows).toEqual([{ i: 7, t: 'æ ÿ 漢 🦊', at: new Date('2026-01-02T03:04:05Z'), j: { a: [1] } }])
  })

  it('reports errors with their SQLSTATE and goes on, in both protocols', async () => {
    await pool.query('INSERT INTO notes VALUES (1)')
    await expect(pool.query('INSERT INTO notes VALUES (1)')).rejects.toMatchObject({ code: '23505', constraint: 'notes_pkey' })
    await expect(pool.query('INSERT INTO notes VALUES ($1)', [1])).rejects.toMatchObject({ code: '23505', constraint: 'notes_pkey' })
    await expect(pool.query('SELECT $1::int', ['x'])).rejects.toMatchObject({ code: '22P02' })
    await expect(pool.query('SELECT nonsense FROM')).rejects.toMatchObject({ code: '42601' })
    expect(await notes()).toEqual([1])
  })

  it('keeps prepared statements for a session', async () => {
    const client = await pool.connect()
    for (const id of [1, 2, 3]) await client.query({ name: 'add', text: 'INSERT INTO notes VALUES ($1)', values: [id] })
    const prepared = await client.query('SELECT name FROM pg_prepared_statements')
    expect(prepared.rows).toEqual([{ name: 'add' }])
    client.release()
    expect(await notes()).toEqual([1, 2, 3])
  })

  it('carries 5 MB there and back', async () => {
    const note = 'x'.repeat(5 * 1024 * 1024)
    await pool.query('INSERT INTO notes VALUES (1, $1)', [note])
    const { rows } = await pool.query<{ note: string }>('SELECT note FROM notes')
    expect(rows[0]?.note === note).toBe(true)
  })

  it('rolls back and forgets the session of a client that leaves inside of a transaction', async () => {
    const client = await pool.connect()
    await client.query('SET search_path = pg_catalog')
    await client.query('BEGIN')
    await client.query('INSERT INTO public.notes VALUES (1)')
    client.release(true)
    expect(await notes()).toEqual([])
    expect((await pool.query('SHOW search_path')).rows).toEqual([{ search_path: 'public' }])
  })

  it('rolls back for a client that leaves inside of a failed transaction', async () => {
    const client = await pool.connect()
    await client.query('BEGIN')
    await expect(client.query('SELECT 1/0')).rejects.toMatchObject({ code: '22012' })
    client.release(true)
    await pool.query('INSERT INTO notes VALUES (1)')
    expect(await notes()).toEqual([1])
  })

  it('lets two users of the pool take turns, without mixing their transactions', async () => {
    const add = async (ids: readonly number[]) => {
      const client = await pool.connect()
      await client.query('BEGIN')
      for (const id of ids) await client.query('INSERT INTO notes VALUES ($1)', [id])
      await client.query(ids.includes(2) ? 'ROLLBACK' : 'COMMIT')
      client.release()
    }
    await Promise.all([add([1, 3]), add([2, 4]), add([5])])
    expect(await notes()).toEqual([1, 3, 5])
  })

  it('lets timers run while it is busy', async () => {
    let ticks = 0
    const timer = setInterval(() => {
      ticks += 1
    }, 1)
    await Promise.all(Array.from({ length: 200 }, (_, id) => pool.query('INSERT INTO notes VALUES ($1)', [id])))
    clearInterval(timer)
    expect(ticks).toBeGreaterThan(10)
  })

  it('finishes the statement before it ends the connection', async () => {
    const client = await pool.connect()
    const [, inserted] = await Promise.allSettled([client.query('SELECT 1'), client.query('INSERT INTO notes VALUES (1)')])
    client.release(true)
    expect(inserted.status).toBe('fulfilled')
    expect(await notes()).toEqual([1])
  })
})
