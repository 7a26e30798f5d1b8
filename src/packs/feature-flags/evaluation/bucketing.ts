import murmurhash from 'murmurhash'
import type { FlagVariant } from './evaluation.js'
import type { EvaluationSubject } from './evaluation-subject.js'

/** The seed of the variants' draw in Unleash: apart from the rollout's (0), so that the two are independent. */
const VARIANT_SEED = 86028157
/** How many values a random draw has. */
const RANDOM_RANGE = 2 ** 32

/** MurmurHash3 x86 32-bit of the text's UTF-8 bytes, unsigned. */
export function hashText(text: string, seed: number): number {
  return murmurhash.v3(Buffer.from(text, 'utf8'), seed)
}

/** What is hashed, for rollout and variants alike: `<groupId>:<stickiness value>`, as in Unleash. */
export function bucketKey(groupId: string, stickinessValue: string): string {
  return `${groupId}:${stickinessValue}`
}

/** A percentage in whole hundredths, 0..10000; what is not a number counts as 0. Rounding undoes 33.33 * 100 = 3332.99... */
export function toHundredths(percent: number): number {
  if (!(percent > 0)) return 0
  return percent >= 100 ? 10_000 : Math.round(percent * 100)
}

/**
 * Whether a rollout takes the caller with this bucket key. With h the hash, n the whole percents and f the hundredths: in
 * when `h % 100 + 1 <= n`, or when `h % 100 + 1 = n + 1` and `floor(h / 100) % 100 < f`. That is one position in 0..9999,
 * compared with the percentage in hundredths: whole percents agree with Unleash, fractions refine them, and who is in at
 * P stays in above P.
 */
export function isInRollout(percent: number, key: string): boolean {
  const hundredths = toHundredths(percent)
  if (hundredths === 0) return false
  if (hundredths === 10_000) return true
  const hash = hashText(key, 0)
  const position = (hash % 100) * 100 + (Math.floor(hash / 100) % 100)
  return position < hundredths
}

/** What {@link readStickiness} looks at. */
export interface StickinessSource {
  readonly subject: EvaluationSubject
  /** A number in 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number
}

/**
 * The value that keeps a caller where they are: `default` is {@link readDefaultStickiness}; `random` is random; any other
 * name is that context field, undefined when it is missing. An empty text counts as missing, as in Unleash: else all
 * callers without an id would be one.
 */
export function readStickiness(stickiness: string, source: StickinessSource): string | undefined {
  if (stickiness === 'default') return readDefaultStickiness(source)
  if (stickiness === 'random') return drawRandom(source.random)
  return source.subject.text(stickiness) || undefined
}

/** userId, then targetingKey, then sessionId, else random. */
export function readDefaultStickiness({ subject, random }: StickinessSource): string {
  return subject.text('userId') || subject.text('targetingKey') || subject.text('sessionId') || drawRandom(random)
}

function drawRandom(random: () => number): string {
  return String(Math.floor(random() * RANDOM_RANGE))
}

/**
 * The variant of the caller with this bucket key: `hash % sum of weights + 1`, and the first variant whose running sum
 * reaches it. Null when no variant has a weight.
 */
export function pickVariant(variants: readonly FlagVariant[], key: string): FlagVariant | null {
  let total = 0
  for (const variant of variants) total += countedWeight(variant)
  if (total === 0) return null
  const target = (hashText(key, VARIANT_SEED) % total) + 1
  let running = 0
  for (const variant of variants) {
    const weight = countedWeight(variant)
    running += weight
    if (weight > 0 && running >= target) return variant
  }
  return null
}

/** How many variants can be drawn at all; a draw among fewer than two is none. */
export function countDrawable(variants: readonly FlagVariant[]): number {
  let count = 0
  for (const variant of variants) if (countedWeight(variant) > 0) count += 1
  return count
}

function countedWeight(variant: FlagVariant): number {
  return Number.isInteger(variant.weight) && variant.weight > 0 ? variant.weight : 0
}
