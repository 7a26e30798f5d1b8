import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { readBuildInfo } from '../src/packs/deployment/profile/build-info.js'
import { describeMachine } from './machine.js'
import { markdownOf, type Section } from './report.js'

const FILE = new URL('./RESULTS.md', import.meta.url)
/** What is below it is written by `--record`, newest first. */
const MARK = '<!-- results -->'

/** Adds what was measured to `bench/RESULTS.md`, under the commit that the build in `dist` is of. */
export function record(sections: readonly Section[], what: { readonly dist: string; readonly startedAt: Date }): void {
  const [head = '', ...tail] = readFileSync(FILE, 'utf8').split(MARK)
  const title = `## ${what.startedAt.toISOString().slice(0, 10)}: commit ${readBuildInfo(resolve(what.dist)).commit?.slice(0, 7) ?? 'unknown'}`
  const parts = [title, `${describeMachine()}.`, ...sections.map(markdownOf)]
  writeFileSync(FILE, `${head}${MARK}\n\n${parts.join('\n\n')}\n${tail.join(MARK)}`)
}
