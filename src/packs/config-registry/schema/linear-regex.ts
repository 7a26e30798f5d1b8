import { RE2JS } from 're2js'

/** The longest pattern, in characters. */
const MAX_PATTERN_LENGTH = 1_000
/** The largest compiled pattern, in about the instructions of RE2: `{n,m}` multiplies what stands before it. */
const MAX_PATTERN_SIZE = 2_500

/** A regular expression whose test takes time linear in the text: RE2 has no backtracking. */
export interface LinearRegex {
  /** The pattern: by it Ajv tells regular expressions apart. */
  toString(): string
  /** Whether the text holds a match anywhere (as JSON Schema wants it, unanchored). */
  test(text: string): boolean
  /** Instructions of the compiled program: what one character of a text may cost at most. */
  readonly size: number
}

/** Why a pattern cannot be used, in words for whoever wrote it; undefined when it can. */
export function findPatternFault(pattern: string): string | undefined {
  if (pattern.length > MAX_PATTERN_LENGTH) return `must be a pattern of at most ${MAX_PATTERN_LENGTH} characters`
  if (!isEcmaPattern(pattern)) return 'must be a regular expression (ECMA-262)'
  const size = estimateSize(pattern)
  if (size === undefined) return 'must not refer back to a group: such a pattern cannot be matched in linear time'
  if (size > MAX_PATTERN_SIZE) return `must be a smaller pattern: its repetitions unfold to about ${size}, more than ${MAX_PATTERN_SIZE}`
  try {
    compileLinearRegex(pattern)
    return undefined
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : 'not understood'
    return `must be a pattern that RE2 can match in linear time, so no look-around, no \\p{Name=...} and no count above 1000 (${reason})`
  }
}

/**
 * Compiles a pattern in the syntax of ECMA-262 with RE2's meaning: `\s`, `\w`, `\d` and `\b` are ASCII, `i` is not set.
 * @throws an error of RE2 for what it cannot do; {@link findPatternFault} says it in words.
 */
export function compileLinearRegex(pattern: string): LinearRegex {
  const compiled = RE2JS.compile(RE2JS.translateRegExp(pattern))
  return { test: (text) => compiled.test(text), size: compiled.programSize(), toString: () => pattern }
}

/** Whether ECMA-262 knows the pattern, with the flag `u` or without: many in use are valid only without (such as `\-` alone). */
export function isEcmaPattern(pattern: string): boolean {
  for (const flags of ['u', '']) {
    try {
      new RegExp(pattern, flags)
      return true
    } catch {}
  }
  return false
}

/** How large RE2's program gets, from the pattern's text alone; undefined when it refers back to a group. */
function estimateSize(pattern: string): number | undefined {
  const sums = [0]
  let atom = 0
  const token = /\\(?:[pPu]\{[^}]*\}|.)|\[(?:\\.|[^\]\\])*\]|\{(\d+)(?:,(\d*))?\}\??|\(\?(?::|<\w+>)|[*+?]\??|./gsu
  for (const [text, least, most] of pattern.matchAll(token)) {
    const outer = sums.length - 1
    if (/^\\[k1-9]/.test(text)) return undefined
    if (least !== undefined) {
      const count = Math.max(1, Number(least), Number(most ?? 0))
      sums[outer] = (sums[outer] ?? 0) + atom * (count - 1)
      atom *= count
      continue
    }
    if (text.startsWith('(')) {
      sums.push(text === '(?:' ? 0 : 2)
      continue
    }
    atom = text === ')' && outer > 0 ? (sums.pop() ?? 0) : 1
    sums[sums.length - 1] = (sums.at(-1) ?? 0) + atom
  }
  return sums.reduce((total, sum) => total + sum, 0)
}
