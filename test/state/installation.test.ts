import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../../src/core/database/database.js'
import { adoptInstallation, checkInstallation, type InstallationSettings } from '../../src/core/integrity/installation.js'
import { ENGINES, openTestDatabase } from '../testkit/databases.js'

const SETTINGS = { keyPepper: 'a pepper that is long enough', auditKey: 'an audit key that is long enough', environmentName: 'staging' }
const UNKEYED: InstallationSettings = { keyPepper: undefined, auditKey: undefined, environmentName: 'staging' }

describe.each(ENGINES)('what a database was written with, on %s', (engine) => {
  let database: Database
  beforeEach(async () => {
    database = await openTestDatabase(engine)
  })
  afterEach(() => database.close())

  it('is noted by the first start, and the same settings start again', async () => {
    await checkInstallation(database, SETTINGS)
    await checkInstallation(database, SETTINGS)
  })

  it.each([
    ['VALHALLA_KEY_PEPPER is another one', { keyPepper: 'another pepper, long enough' }],
    ['VALHALLA_KEY_PEPPER is not set', { keyPepper: undefined }],
    ['VALHALLA_AUDIT_KEY is another one', { auditKey: 'another audit key, long enough' }],
    ['VALHALLA_ENV is another one', { environmentName: 'production' }],
    ['VALHALLA_KEY_PEPPER is another one, VALHALLA_AUDIT_KEY is not set', { keyPepper: 'another pepper', auditKey: undefined }],
  ])('refuses a start that differs, and says where: %s', async (said, changes) => {
    await checkInstallation(database, SETTINGS)
    const refusal = checkInstallation(database, { ...SETTINGS, ...changes })
    await expect(refusal).rejects.toMatchObject({
      name: 'InstallationError',
      message: expect.stringContaining(`other settings: ${said}. `),
    })
    await checkInstallation(database, SETTINGS)
  })

  it('takes the first secrets of a database that was written without, and then no others', async () => {
    await checkInstallation(database, UNKEYED)
    await checkInstallation(database, SETTINGS)
    await expect(checkInstallation(database, UNKEYED)).rejects.toMatchObject({ name: 'InstallationError' })
  })

  it('moves to other settings on purpose', async () => {
    await checkInstallation(database, SETTINGS)
    await adoptInstallation(database, { ...UNKEYED, environmentName: 'production' })
    await checkInstallation(database, { ...UNKEYED, environmentName: 'production' })
    await expect(checkInstallation(database, UNKEYED)).rejects.toMatchObject({ message: expect.stringContaining('VALHALLA_ENV') })
  })

  it('is agreed on by replicas that start at once: of those that differ, one kind starts', async () => {
    const other = { ...SETTINGS, auditKey: 'another audit key, long enough' }
    const started = await Promise.allSettled([SETTINGS, other, SETTINGS, other].map((settings) => checkInstallation(database, settings)))
    expect(started.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
  })

  it('tells nothing of the values, not even in another database with the same ones', async () => {
    const rows = async () => (await database.pool.query('SELECT * FROM installation')).rows
    await checkInstallation(database, SETTINGS)
    const first = await rows()
    await database.pool.query('DELETE FROM installation')
    await checkInstallation(database, SETTINGS)
    const second = await rows()
    for (const value of Object.values(SETTINGS)) expect(JSON.stringify(first)).not.toContain(value)
    for (const column of ['pepper', 'audit_key', 'environment']) expect(first[0][column]).not.toBe(second[0][column])
  })
})
