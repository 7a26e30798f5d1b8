import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'

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

describe.each(['atomicity', 'kill'])('the fault run %s', { timeout: 60_000 }, (script) => {
  test.each([
    [['--rounds', 'abc'], 'from 1 to 9999'],
    [['--engine', 'nonsense'], '--engine must be one of pglite, postgresql, both'],
    [['--nonsense'], "Unknown option '--nonsense'"],
  ])('refuses %j with what is right', async (args, said) => {
    expect(await run(script, ...args)).toEqual({ status: 64, said: expect.stringContaining(said) })
  })

  test('does not succeed without having run', async () => {
    expect(await run(script, '--rounds', '1', '--engine', 'postgresql')).toMatchObject({ status: 1 })
  })
})
