import type ts from 'typescript'
import type { Source } from './source.js'

/** Where a rule is broken, in the source that it looks at. */
export interface Finding {
  /** What breaks it: a name or a few words, which do not change when the file's lines do. */
  readonly subject: string
  /** The place, if it is not the whole file: a node, or an offset. */
  readonly at?: ts.Node | number
}

/** A rule for sources. */
export interface Rule {
  readonly name: string
  /** What holds where it is kept. */
  readonly promise: string
  /** The files that it is about, by their paths. */
  readonly scope: RegExp
  /** How a source breaks it. `sources` are all that there are. */
  find(source: Source, sources: readonly Source[]): readonly Finding[]
  /** A few files that break it, by path, and some that are just within it. */
  readonly breaks: Readonly<Record<string, string>>
  readonly keeps: Readonly<Record<string, string>>
}

/** A broken rule. */
export interface Violation {
  readonly rule: string
  readonly path: string
  readonly line: number
  readonly subject: string
}

/** What a rule does not hold for: a file, a subject, or, when it names the rule alone, everything. */
export interface Exception {
  readonly rule: string
  readonly path?: string
  readonly subject?: string
  /** How often the rule is broken there; once, if it is not said. */
  readonly times?: number
  readonly why: string
}

/** Paths in `src` except for tests. */
export const SRC = /^src\/(?!.*\.test\.ts$).*\.ts$/
/** Paths of all code that is written here. */
export const CODE = /^(src|test|bench|scripts)\/.*\.(ts|mjs)$/
/** Paths of tests and of what they are made of. */
export const TESTS = /^(test\/.*|src\/.*\.test)\.ts$/

/** Every place where sources break a rule. */
export function violationsOf(rule: Rule, sources: readonly Source[]): Violation[] {
  return sources
    .filter(({ path }) => rule.scope.test(path))
    .flatMap((source) =>
      rule.find(source, sources).map(({ subject, at = 0 }) => ({
        rule: rule.name,
        path: source.path,
        line: source.lineAt(typeof at === 'number' ? at : at.getStart()),
        subject,
      })),
    )
}

/** Whether an exception is about a violation. */
export function isAbout({ rule, path, subject }: Exception, violation: Violation): boolean {
  return rule === violation.rule && [undefined, violation.path].includes(path) && [undefined, violation.subject].includes(subject)
}

/** Whether an exception is about as many violations as it says: neither fewer, nor new ones in its shadow. */
export function isExact(exception: Exception, violations: readonly Violation[]): boolean {
  const { path, subject, times = 1 } = exception
  const count = violations.filter((violation) => isAbout(exception, violation)).length
  return path === undefined && subject === undefined ? count > 0 : count === times
}

/** A finding for each place that matches a pattern, in a text. */
export function matches(text: string, pattern: RegExp): Finding[] {
  return [...text.matchAll(pattern)].map((match) => ({ subject: match[0], at: match.index }))
}
