import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { TEST_RULES } from './tidy/clocks.js'
import { PART_RULES } from './tidy/parts.js'
import { type Exception, isAbout, isExact, type Rule, type Violation, violationsOf } from './tidy/rule.js'
import { SIZE_RULES } from './tidy/size.js'
import { readRepository, Source } from './tidy/source.js'
import { WORD_RULES } from './tidy/words.js'
import { WRITE_RULES } from './tidy/writes.js'
import { EXCEPTIONS } from './tidy-exceptions.js'

const RULES: readonly Rule[] = [...SIZE_RULES, ...PART_RULES, ...WRITE_RULES, ...WORD_RULES, ...TEST_RULES]

/** The parsed sources are let go of at once: other tests of this process need the memory. */
function lookAround(): { readonly paths: readonly string[]; readonly violations: readonly Violation[] } {
  const sources = readRepository(fileURLToPath(new URL('../..', import.meta.url)))
  return { paths: sources.map(({ path }) => path), violations: RULES.flatMap((rule) => violationsOf(rule, sources)) }
}

const { paths, violations } = lookAround()

const filesOf = (files: Readonly<Record<string, string>>) => Object.entries(files).map(([path, text]) => new Source(path, text))
const unexcused = (rule: string | undefined) =>
  violations.filter((violation) => violation.rule === rule && !EXCEPTIONS.some((exception) => isAbout(exception, violation)))

describe('everywhere in the repository', () => {
  it.each(RULES.map(({ promise, name }) => [promise, name]))('%s', (_, name) => {
    expect(unexcused(name).map(({ path, line, subject }) => `${path}:${line} ${subject}`)).toEqual([])
  })

  it('every file is read, and every source is found', () => {
    expect(paths).toEqual(expect.arrayContaining(['README.md', 'src/main.ts', '.ci/run', 'prisma/schema.prisma']))
    expect(paths.filter((path) => /(^|\/)(node_modules|dist|generated|\.git)\//.test(path))).toEqual([])
  })
})

describe('a rule', () => {
  const byName = RULES.map((rule) => [rule.name, rule] as const)

  it.each(byName)('finds each file that breaks it: %s', (_, rule) => {
    const broken = filesOf(rule.breaks)
    const found = new Set(violationsOf(rule, broken).map(({ path }) => path))
    // What is among those that keep it as well only stands beside them.
    const isBroken = ({ path, text }: Source) => rule.scope.test(path) && rule.keeps[path] !== text
    const expected = broken.filter(isBroken).map(({ path }) => path)
    expect([...found].sort()).toEqual(expected.sort())
    expect(expected).not.toEqual([])
  })

  it.each(byName)('finds nothing in what keeps it: %s', (_, rule) => {
    expect(violationsOf(rule, filesOf(rule.keeps))).toEqual([])
  })
})

describe('the list of exceptions', () => {
  it('has no entry that is about fewer places than it says, or about more', () => {
    expect(EXCEPTIONS.filter((exception) => !isExact(exception, violations))).toEqual([])
  })

  it('says why of each, and names rules that there are', () => {
    const names = new Set(RULES.map(({ name }) => name))
    expect(EXCEPTIONS.filter(({ rule, why }) => !names.has(rule) || why.length < 20)).toEqual([])
  })

  it('excuses what it names alone, and as often as it says: anything else is found', () => {
    const found: Violation = { rule: 'no-proxy', path: 'src/a.ts', line: 1, subject: 'Proxy' }
    const isAboutIt = (changes: Partial<Exception>) => isAbout({ rule: 'no-proxy', why: '', ...changes }, found)
    expect([{}, { path: 'src/a.ts' }, { path: 'src/a.ts', subject: 'Proxy' }].map(isAboutIt)).toEqual([true, true, true])
    expect([{ rule: 'no-any' }, { path: 'src/b.ts' }, { subject: 'Map' }].map(isAboutIt)).toEqual([false, false, false])
    const inFile: Exception = { rule: 'no-proxy', path: 'src/a.ts', why: '' }
    expect([[], [found], [found, found]].map((all) => isExact(inFile, all))).toEqual([false, true, false])
    expect([[], [found], [found, found]].map((all) => isExact({ ...inFile, times: 2 }, all))).toEqual([false, false, true])
    expect([[], [found], [found, found]].map((all) => isExact({ rule: 'no-proxy', why: '' }, all))).toEqual([false, true, true])
  })
})
