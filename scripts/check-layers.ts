import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { cruise, format, type ICruiseResult } from 'dependency-cruiser'
import extractDepcruiseOptions from 'dependency-cruiser/config-utl/extract-depcruise-options'
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config'

/**
 * `npm run check:layers`: the rules of .dependency-cruiser.cjs, over everything that is written here. A TypeScript that the
 * tool cannot read makes it see no modules or no imports, and pass; so what it has seen is held against what is there.
 */
const FOLDERS = ['src', 'test', 'bench', 'scripts'].filter((folder) => existsSync(folder))

const options = await extractDepcruiseOptions('./.dependency-cruiser.cjs')
const tsConfig = extractTSConfig('tsconfig.json')
const { output: seen } = await cruise(FOLDERS, options, undefined, { tsConfig })
if (typeof seen === 'string') throw new TypeError('dependency-cruiser was asked for a result, and gave a text')

const report = await format(seen, { outputType: 'err-long' })
console.log(String(report.output).trim())
const unseen = findUnseen(seen)
if (unseen.length > 0) console.error(`dependency-cruiser did not read these files, so they were not checked:\n${unseen.join('\n')}`)
const isBlind = (seen.summary.totalDependenciesCruised ?? 0) < seen.modules.length
if (isBlind) console.error('dependency-cruiser found fewer imports than modules: it cannot read this TypeScript')
if (report.exitCode !== 0 || unseen.length > 0 || isBlind) process.exitCode = 1

/** Sources below src, except for generated ones, that the result knows nothing of. */
function findUnseen(result: ICruiseResult): string[] {
  const sources = new Set(result.modules.map(({ source }) => source))
  return readdirSync('src', { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.startsWith(join('src', 'generated')) && !sources.has(path.replaceAll('\\', '/')))
}
