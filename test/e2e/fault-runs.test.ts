import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { isCount, readEngines } from '../fault/plan.js'

/** Runs a fault run; nobody answers at its PostgreSQL server. */
async function run(script: string, ...args: string[]): Promise<{ status: number; said: string }> {
  const env = { ...process.env, CI: '', TEST_DATABASE_URL: 'postgresql://postgres@127.0.0.1:1/postgres' }
  const child = spawn(process.execPath, ['--import', 'tsx', `test/fault/${script}.ts`, ...args], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const [said, [status]] = await Promise.all([text(child.stderr), once(child, 'exit')])
  return { status, said }
}

describe.each(['atomicity', 'guard', 'kill'])('the fault run %s', (script) => {
  it('refuses a number that is none, with what is right', async () => {
    expect(await run(script, '--rounds', 'abc')).toEqual({ status: 64, said: expect.stringContaining('from 1 to 9999') })
  })

  it('does not succeed without having run', async () => {
    expect(await run(script, '--rounds', '1', '--engine', 'postgresql')).toMatchObject({ status: 1 })
  })
})

it.each([
  ['promises', '--rounds'],
  ['fairness', '--seconds'],
])('the run of %s refuses what it does not know, and does not succeed without having run', async (script, option) => {
  const [unknown, absent] = await Promise.all([run(script, option, 'abc'), run(script, option, '1')])
  expect(unknown).toEqual({ status: 64, said: expect.stringContaining('from 1 to 9999') })
  expect(absent).toMatchObject({ status: 1 })
})

it('the run of disk refuses what it does not know', async () => {
  expect(await run('disk', '--rounds', 'abc')).toEqual({ status: 64, said: expect.stringContaining('from 1 to 9999') })
})

it('fault runs know the engines and what a count is', () => {
  expect(['both', 'pglite', 'nonsense'].map(readEngines)).toEqual([
    ['pglite', 'postgresql'],
    ['pglite'],
    '--engine must be one of pglite, postgresql, both',
  ])
  expect(['1', '9999', '0', '10000', '1.5', 'abc', ''].map(isCount)).toEqual([true, true, false, false, false, false, false])
})
