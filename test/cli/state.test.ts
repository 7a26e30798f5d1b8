import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestCli, type TestCli } from '../testkit/cli.js'
import { startTestServer, type TestServer } from '../testkit/server.js'

let server: TestServer
let cli: TestCli

beforeAll(async () => {
  server = await startTestServer()
  cli = await createTestCli({ VALHALLA_URL: server.url, VALHALLA_KEY: server.adminKey })
  await server.addClient({ name: 'web-shop', role: 'EVALUATOR' })
})
afterAll(async () => {
  cli.close()
  await server.close()
})

const FLAGS = 60

/** A state of many objects, and of one of each other kind. */
function stateText(changes: (line: string, index: number) => string = (line) => line): string {
  const flags = Array.from({ length: FLAGS }, (_, index) =>
    changes(`  bulk.${index}: { strategies: [{ rolloutPercent: ${index} }] }`, index),
  )
  return `apiVersion: valhalla/v1
owns: { flags: [bulk.], configs: [bulk/] }
leave: { flags: [isEnabled] }
expect: { clients: { web-shop: { role: EVALUATOR } } }
flags:
${flags.filter(Boolean).join('\n')}
configs:
  bulk/limits: { value: { max: 10, name: "1.20" }, isMutable: false }
rateLimits:
  API_KEY client:web-shop: { maxRequests: 600 }
smokeChecks:
  front-page: { kind: HTTP, path: /livez }
`
}

const put = (name: string, text: string): void => writeFileSync(join(cli.folder, name), text)
const revisionOf = async (): Promise<number> => {
  const { stdout } = await cli.run(['status', '-o', 'json'])
  return (JSON.parse(stdout) as { systemStatus: { revision: number } }).systemStatus.revision
}

describe('a state file', () => {
  it('is applied as one revision, and then planned without a change; what is exported is the same twice', async () => {
    const before = await revisionOf()
    put('state.yaml', stateText())
    const planned = await cli.run(['plan', 'state.yaml'])
    expect({ code: planned.code, says: planned.stderr }).toEqual({
      code: 2,
      says: `${FLAGS + 3} to make, 0 to change, 0 to delete, planned at revision ${before}\n`,
    })
    const applied = await cli.run(['apply', 'state.yaml', '--yes'])
    expect(applied.stderr).toContain(`Applied as revision ${before + 1}.`)
    expect((await cli.run(['plan', 'state.yaml'])).code).toBe(0)
    const [first, second] = [await cli.run(['export']), await cli.run(['export'])]
    expect(second.stdout).toBe(first.stdout)
    put('exported.yaml', first.stdout)
    expect((await cli.run(['plan', 'exported.yaml'])).code).toBe(0)
    expect(first.stdout).toContain('API_KEY client:web-shop:\n    maxRequests: 600\n')
  })

  it('with one line changed is one change and one revision, which revert brings back exactly', async () => {
    const before = await cli.run(['export'])
    put(
      'changed.yaml',
      stateText((line, index) => (index === 7 ? line.replace(': 7 ', ': 70 ') : line)),
    )
    const planned = await cli.run(['plan', 'changed.yaml'])
    expect({ code: planned.code, stdout: planned.stdout }).toEqual({
      code: 2,
      stdout: '~ FeatureFlag bulk.7\n    strategies.0.rolloutPercent: 7 -> 70\n',
    })
    expect((await cli.run(['apply', 'changed.yaml', '--yes'])).code).toBe(0)
    expect((await cli.run(['plan', 'changed.yaml'])).code).toBe(0)
    expect((await cli.run(['revert', String(await revisionOf()), '--yes'])).code).toBe(0)
    expect((await cli.run(['export'])).stdout).toBe(before.stdout)
  })

  it('kept as a plan is refused with 5 when what it is about has changed, and nothing is lost', async () => {
    put(
      'changed.yaml',
      stateText((line, index) => (index === 8 ? line.replace(': 8 ', ': 80 ') : line)),
    )
    put('kept.plan', 'an older one, that others could read')
    chmodSync(join(cli.folder, 'kept.plan'), 0o644)
    expect((await cli.run(['plan', 'changed.yaml', '--out', 'kept.plan'])).code).toBe(2)
    expect(statSync(join(cli.folder, 'kept.plan')).mode & 0o777).toBe(0o600)
    expect((await cli.run(['show', 'kept.plan'])).code).toBe(2)
    await cli.run(['flag', 'set', 'bulk.8', '--description', 'by hand', '--yes'])
    const before = await cli.run(['export'])
    const refused = await cli.run(['apply', 'kept.plan', '--yes'])
    expect(refused.code).toBe(5)
    expect(refused.stderr).toContain('STALE_PLAN')
    expect((await cli.run(['export'])).stdout).toBe(before.stdout)
  })

  it('names what has drifted', async () => {
    const { code, stdout } = await cli.run(['plan', 'state.yaml'])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '~ FeatureFlag bulk.8\n    description: "by hand" -> null\n' })
    await cli.run(['apply', 'state.yaml', '--yes'])
  })

  it('leaves to operators what it is told to', async () => {
    await cli.run(['flag', 'off', 'bulk.1', '--yes'])
    expect((await cli.run(['plan', 'state.yaml'])).code).toBe(0)
  })

  it('kept as a plan is applied once, however often it is sent, and not when it was edited or made elsewhere', async () => {
    put(
      'changed.yaml',
      stateText((line, index) => (index === 9 ? line.replace(': 9 ', ': 90 ') : line)),
    )
    await cli.run(['plan', 'changed.yaml', '--out', 'again.plan'])
    const text = readFileSync(join(cli.folder, 'again.plan'), 'utf8')
    put('edited.plan', text.replace('"rolloutPercent": 90', '"rolloutPercent": 91'))
    put('null.plan', 'null')
    for (const file of ['edited.plan', 'null.plan']) expect((await cli.run(['apply', file, '--yes'])).code).toBe(64)
    const elsewhere = await cli.run(['apply', 'again.plan', '--yes', '--url', server.url.replace('127.0.0.1', 'localhost')])
    expect(elsewhere.code).toBe(5)
    const [one, two] = [await cli.run(['apply', 'again.plan', '--yes']), await cli.run(['apply', 'again.plan', '--yes'])]
    expect([one.code, two.code, two.stderr.split('\n').at(-2)]).toEqual([0, 0, one.stderr.split('\n').at(-2)])
  })

  it('prunes what it owns and nobody named, and stops at its brake', async () => {
    put(
      'fewer.yaml',
      stateText((line, index) => (index < 55 ? line : '')),
    )
    const quiet = await cli.run(['plan', 'fewer.yaml'])
    expect(quiet.stderr).toContain('5 objects below `owns` are in no file; --prune would delete them')
    const planned = await cli.run(['plan', 'fewer.yaml', '--prune'])
    expect(planned.stdout.split('\n').filter((line) => line.startsWith('- FeatureFlag bulk.'))).toHaveLength(5)
    put(
      'few.yaml',
      stateText((line, index) => (index < 30 ? line : '')),
    )
    const braked = await cli.run(['plan', 'few.yaml', '--prune'])
    expect(braked.code).toBe(5)
    expect(braked.stderr).toContain(`30 of ${FLAGS} flags: more than 10 and more than 30 percent`)
    expect((await cli.run(['plan', 'few.yaml', '--prune=force'])).code).toBe(2)
  })
})

describe('faults', () => {
  const HEAD = 'apiVersion: valhalla/v1\n'

  it.each([
    ['a duplicate key', `${HEAD}flags:\n  a: {}\n  a: {}\n`, 64, 'error: bad.yaml:4:3: this key is there twice'],
    [
      'what looks like a secret',
      `${HEAD}configs:\n  a:\n    value:\n      url: postgres://admin:hunter2hunter2@db/x\n`,
      5,
      'error: bad.yaml:5:7: configs a, value.url: ',
    ],
    ['a key that the server refuses', `${HEAD}flags:\n  a: {}\n  Bad Key: {}\n`, 5, 'error: bad.yaml:4:3: flags Bad Key, key: '],
    [
      'a rule for a client that is not there',
      `${HEAD}rateLimits:\n  API_KEY client:nobody: {}\n`,
      64,
      'error: bad.yaml:3:3: there is no active API client',
    ],
    [
      'a client with another role',
      `${HEAD}expect:\n  clients:\n    web-shop: { role: ADMIN }\n`,
      5,
      'error: bad.yaml:4:5: the API client "web-shop" has the role EVALUATOR, not ADMIN',
    ],
    ['a locked entry', `${HEAD}configs:\n  bulk/limits: { value: 1 }\n`, 5, 'error: bad.yaml:3:3: configs bulk/limits, key: '],
  ])('are said with file and line: %s', async (_what, text, code, says) => {
    put('bad.yaml', text)
    const result = await cli.run(['plan', 'bad.yaml'])
    expect({ code: result.code, stderr: result.stderr }).toEqual({ code, stderr: expect.stringContaining(says) })
    expect(result.stderr).not.toContain('hunter2')
  })
})

describe('import', () => {
  it('takes static flags and simple rules of flagd, warns of shares, and refuses the rest by name', async () => {
    put(
      'flagd.json',
      JSON.stringify({
        flags: {
          plain: { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' },
          dark: { state: 'DISABLED', variants: { on: true, off: false }, defaultVariant: 'on' },
          staff: {
            state: 'ENABLED',
            variants: { on: true, off: false },
            defaultVariant: 'off',
            targeting: { if: [{ or: [{ ends_with: [{ var: 'email' }, '@example.com'] }, { in: [{ var: 'userId' }, ['7', '8']] }] }, 'on'] },
          },
          colour: {
            state: 'ENABLED',
            variants: { red: '#f00', blue: '#00f' },
            defaultVariant: 'red',
            targeting: {
              fractional: [
                ['red', 30],
                ['blue', 70],
              ],
            },
          },
          nested: {
            state: 'ENABLED',
            variants: { on: true, off: false },
            defaultVariant: 'off',
            targeting: { if: [{ '==': [{ var: 'a' }, '1'] }, 'on', { if: [] }] },
          },
        },
      }),
    )
    const { code, stdout, stderr } = await cli.run(['import', 'flagd', 'flagd.json'])
    expect(code).toBe(0)
    expect(stderr).toContain('refused: nested: an if within an if\n4 flags imported, 1 refused.')
    expect(stderr).toContain('warning: colour: ')
    put('imported.yaml', stdout)
    expect((await cli.run(['apply', 'imported.yaml', '--yes'])).code).toBe(0)
    const answers = await Promise.all(
      [
        ['plain'],
        ['dark'],
        ['staff', '--user', '7'],
        ['staff', '--user', '9'],
        ['staff', '--context', '{"properties":{"email":"x@example.com"}}'],
      ].map(([key = '', ...rest]) => cli.run(['flag', 'eval', key, ...rest, '-o', 'name'])),
    )
    expect(answers.map(({ stdout: answer }) => answer.trim())).toEqual(['plain on', 'dark off', 'staff on', 'staff off', 'staff on'])
  })

  it('takes an export of Unleash, with its strategies and its environment', async () => {
    put(
      'unleash.json',
      JSON.stringify({
        features: [
          { name: 'Beta.Page', type: 'release', description: 'beta' },
          { name: 'gone', type: 'release' },
          { name: 'hollow', type: 'release' },
        ],
        featureStrategies: [
          {
            name: 'flexibleRollout',
            featureName: 'Beta.Page',
            parameters: { rollout: '40', stickiness: 'default', groupId: 'Beta.Page' },
            constraints: [],
          },
          { name: 'default', featureName: 'hollow', segments: [1] },
        ],
        featureEnvironments: [
          { featureName: 'Beta.Page', environment: 'production', enabled: true },
          { featureName: 'Beta.Page', environment: 'development', enabled: false },
          { featureName: 'hollow', environment: 'production', enabled: true },
        ],
        segments: [{ id: 1, name: 'staff' }],
      }),
    )
    expect((await cli.run(['import', 'unleash', 'unleash.json'])).stderr).toContain(
      'there are several environments: production, development',
    )
    const { stdout, stderr } = await cli.run(['import', 'unleash', 'unleash.json', '--environment', 'production'])
    expect(stdout).toBe(`apiVersion: valhalla/v1
flags:
  beta.page:
    description: beta
    strategies:
      - groupId: Beta.Page
        rolloutPercent: 40
  gone:
    isEnabled: false
`)
    expect(stderr).toContain('renamed: Beta.Page is beta.page here')
    expect(stderr).toContain('refused: hollow: it uses a segment whose constraints are not in the file')
  })
})
