import { execFile, execFileSync } from 'node:child_process'
import { appendFileSync, chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { createTestCli, type TestCli } from '../testkit/cli.js'
import { startTestServer, type TestServer } from '../testkit/server.js'

interface GithubJob {
  readonly if: string
  readonly env: { readonly VALHALLA_KEY: string }
  readonly steps: readonly { readonly run?: string }[]
}
interface GitlabJob {
  readonly rules: readonly { readonly if: string }[]
  readonly variables: { readonly VALHALLA_KEY: string }
  readonly script: readonly string[]
}

const GITHUB = 'examples/github/valhalla.yml'
const GITLAB = 'examples/gitlab/.gitlab-ci.yml'

type JobName = 'plan' | 'apply' | 'drift'

const github = (parse(readFileSync(GITHUB, 'utf8')) as { jobs: Record<JobName, GithubJob> }).jobs
const gitlab = parse(readFileSync(GITLAB, 'utf8')) as Record<JobName, GitlabJob>

/** What each example runs, and on what. */
const PIPELINES = {
  github: {
    file: GITHUB,
    events: Object.fromEntries(Object.entries(github).map(([name, job]) => [name, job.if])),
    script: (name: JobName) => github[name].steps.flatMap(({ run }) => run ?? []).join('\n'),
    key: (name: JobName) => /^\$\{\{ secrets\.(\w+) \}\}$/.exec(github[name].env.VALHALLA_KEY)?.[1],
    env: (sha: string) => ({
      GITHUB_SHA: sha,
      GITHUB_SERVER_URL: 'https://git.example',
      GITHUB_REPOSITORY: 'ops/state',
      GITHUB_STEP_SUMMARY: 'plan.md',
    }),
    reason: (sha: string) => `commit ${sha} https://git.example/ops/state/commit/${sha}`,
    expected: {
      plan: "github.event_name == 'pull_request'",
      apply: "github.event_name == 'push'",
      drift: "github.event_name == 'schedule'",
    },
  },
  gitlab: {
    file: GITLAB,
    events: Object.fromEntries((['plan', 'apply', 'drift'] as const).map((name) => [name, gitlab[name].rules[0]?.if])),
    script: (name: JobName) => gitlab[name].script.join('\n'),
    key: (name: JobName) => gitlab[name].variables.VALHALLA_KEY.slice(1),
    env: (sha: string) => ({ CI_COMMIT_SHA: sha, CI_PROJECT_URL: 'https://git.example/ops/state' }),
    reason: (sha: string) => `commit ${sha} https://git.example/ops/state/-/commit/${sha}`,
    expected: {
      plan: '$CI_PIPELINE_SOURCE == "merge_request_event"',
      apply: '$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH',
      drift: '$CI_PIPELINE_SOURCE == "schedule"',
    },
  },
} as const

let server: TestServer
let cli: TestCli
/** What the variables and secrets of the code host hold. */
let keys: Record<string, string>

beforeAll(async () => {
  server = await startTestServer()
  const [operator, observer] = [await server.addClient({ role: 'OPERATOR' }), await server.addClient({ role: 'OBSERVER' })]
  keys = { VALHALLA_OPERATOR_KEY: operator.key, VALHALLA_OBSERVER_KEY: observer.key }
  cli = await createTestCli({ VALHALLA_URL: server.url, VALHALLA_KEY: operator.key })
  const bin = join(cli.folder, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'valhalla'), `#!/bin/sh\nexec '${process.execPath}' '${cli.program}' "$@"\n`)
  chmodSync(join(bin, 'valhalla'), 0o755)
})
afterAll(async () => {
  cli.close()
  await server.close()
})

for (const [name, pipeline] of Object.entries(PIPELINES)) {
  describe(`the ${name} example`, () => {
    it('plans on a branch, applies on main, and finds drift on schedule', async () => {
      const folder = join(cli.folder, name)
      mkdirSync(join(folder, 'state'), { recursive: true })
      const git = (...args: string[]): string =>
        execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-C', folder, ...args], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        }).trim()
      const job = (name: JobName) => {
        const path = `${join(cli.folder, 'bin')}:${cli.env['PATH']}`
        const key = keys[pipeline.key(name) ?? ''] ?? ''
        const env = { ...cli.env, PATH: path, VALHALLA_KEY: key, ...pipeline.env(git('rev-parse', 'HEAD')) }
        return run('bash', ['-e', '-c', pipeline.script(name)], { cwd: folder, env })
      }
      git('init', '-b', 'main')
      writeFileSync(join(folder, 'state/flags.yaml'), `apiVersion: valhalla/v1\nowns: { flags: [${name}.] }\nflags:\n  ${name}.one: {}\n`)
      git('add', '.')
      git('commit', '-m', 'one')
      expect(await job('apply')).toMatchObject({ status: 0 })

      git('checkout', '-b', 'more')
      appendFileSync(join(folder, 'state/flags.yaml'), `  ${name}.two: { description: second }\n`)
      git('commit', '-am', 'two')
      expect(await job('plan')).toMatchObject({ status: 0 })
      expect(readFileSync(join(folder, 'plan.md'), 'utf8')).toContain(`| make | FeatureFlag | <code>${name}.two</code> |`)

      git('checkout', 'main')
      git('merge', 'more')
      const sha = git('rev-parse', 'HEAD')
      expect((await job('apply')).stderr).toContain('Applied as revision')
      expect(await job('drift')).toMatchObject({ status: 0 })

      expect(await reasonsOf(`${name}.two`)).toEqual([pipeline.reason(sha)])
      await cli.run(['flag', 'off', `${name}.one`, '--yes'])
      const drift = await job('drift')
      expect(drift).toMatchObject({ status: 2 })
      expect(drift.stdout).toContain(`~ FeatureFlag ${name}.one\n    isEnabled: false -> true\n`)
      expect(pipeline.events).toEqual(pipeline.expected)
    })

    it('gives the key that can change something to nothing but what runs on main', () => {
      expect([pipeline.key('plan'), pipeline.key('apply'), pipeline.key('drift')]).toEqual([
        'VALHALLA_OBSERVER_KEY',
        'VALHALLA_OPERATOR_KEY',
        'VALHALLA_OBSERVER_KEY',
      ])
      expect(readFileSync(pipeline.file, 'utf8').match(/\$\S* ?\S*VALHALLA_OPERATOR_KEY/g)).toHaveLength(1)
    })
  })
}

async function reasonsOf(key: string): Promise<(string | null)[]> {
  const { stdout } = await cli.run(['flag', 'history', key, '-o', 'json'])
  return (JSON.parse(stdout) as { reason: string | null }[]).map(({ reason }) => reason)
}

function run(file: string, args: readonly string[], options: { cwd: string; env: Record<string, string> }) {
  return new Promise<{ status: number; stdout: string; stderr: string }>((done) => {
    execFile(file, args, options, (error, stdout, stderr) => done({ status: Number(error?.code ?? 0), stdout, stderr }))
  })
}
