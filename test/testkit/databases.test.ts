import { describe, expect, it } from 'vitest'
import { ENGINES, openTestDatabase } from './databases.js'

describe.each(ENGINES)('a test database on %s', (engine) => {
  it('is migrated and empty', async () => {
    const database = await openTestDatabase(engine)
    try {
      expect(await database.prisma.ledgerHead.findMany()).toEqual([{ id: 1, revision: 0, digest: '0'.repeat(64) }])
      expect(await database.prisma.change.count()).toBe(0)
    } finally {
      await database.close()
    }
  })
})
