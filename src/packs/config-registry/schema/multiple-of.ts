/** A decimal number: `digits * 10 ** exponent`. */
interface Decimal {
  readonly digits: bigint
  readonly exponent: number
}

/**
 * Whether a finite number is a whole multiple of another one above 0, by the decimals that both are written with in JSON:
 * 19.99 is one of 0.01, although the division of their binary neighbours leaves a rest. Exact at every size; takes
 * microseconds at the most, as no number has more than 17 digits and an exponent of three.
 */
export function isMultipleOf(value: number, factor: number): boolean {
  if (Number.isSafeInteger(value) && Number.isSafeInteger(factor)) return value % factor === 0
  const [a, b] = [decimalOf(value), decimalOf(factor)]
  const exponent = Math.min(a.exponent, b.exponent)
  return scaled(a, exponent) % scaled(b, exponent) === 0n
}

function scaled({ digits, exponent }: Decimal, to: number): bigint {
  return digits * 10n ** BigInt(exponent - to)
}

/** The shortest decimal that reads as this number, which is how JSON writes it (ECMA-262, Number::toString). */
function decimalOf(number: number): Decimal {
  const [mantissa = '', exponent = '0'] = String(number).split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  return { digits: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length }
}
