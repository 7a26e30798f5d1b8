import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { describeMachine } from './machine.js'
import { markdownOf, type Section } from './report.js'

const FILE = new URL('./RESULTS.md', import.meta.url)
/** What is below it is written by `--record`, newest first. */
const MARK = '<!-- results -->'

/** Adds what was measured to `bench/RESULTS.md`. */
export function record(sections: readonly Section[], what: { readonly dist: string; readonly startedAt: Date }): void {
  const [head = '', ...tail] = readFileSync(FILE, 'utf8').split(MARK)
  const title = `## ${what.startedAt.toISOString().slice(0, 10)}: ${what.dist === 'dist' ? commit() : what.dist}`
  const parts = [title, `${describeMachine()}.`, ...sections.map(markdownOf)]
  writeFileSync(FILE, `${head}${MARK}\n\n${parts.join('\n\n')}\n${tail.join(MARK)}`)
}

function commit(): string {
  return `commit ${execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()}`
}
