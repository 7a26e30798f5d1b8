import type { Database } from '../../src/core/database/database.js'

/**
 * Puts a database that holds flags only back to `revision`, as restoring a backup does. Flags are those whose key is among
 * `keys`: each of them was made by a revision of its own and never touched again.
 */
export async function putBack({ pool }: Database, revision: number, keys: readonly string[]): Promise<void> {
  await pool.query('DELETE FROM feature_flags WHERE key <> ALL($1)', [keys])
  await pool.query('DELETE FROM changes WHERE revision > $1', [revision])
  await pool.query(
    `UPDATE ledger_head SET revision = $1,
      digest = coalesce((SELECT digest FROM changes WHERE revision = $1 ORDER BY ordinal DESC LIMIT 1), repeat('0', 64))`,
    [revision],
  )
}
