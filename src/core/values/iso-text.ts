/** How many times are kept written out, a power of two. */
const KEPT = 4_096

const times = new Float64Array(KEPT).fill(Number.NaN)
const texts = new Array<string>(KEPT).fill('')

/**
 * A time as ISO 8601 in UTC to the millisecond (ECMA-262, Date.prototype.toISOString). Few times are written again and again, in the
 * parts of a commit and in lists that are asked for repeatedly, so some are kept. Throws RangeError for an invalid date.
 */
export function isoText(date: Date): string {
  const ms = date.getTime()
  // Whole milliseconds below zero, too: the mask takes the lowest bits of their two's complement.
  const place = ms & (KEPT - 1)
  if (times[place] === ms) return texts[place] as string
  const text = date.toISOString()
  times[place] = ms
  texts[place] = text
  return text
}
