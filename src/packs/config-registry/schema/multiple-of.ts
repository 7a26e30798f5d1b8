/**
 * Whether a finite number is a whole multiple of another one above 0, by the decimals that both are written with in JSON:
 * 19.99 is one of 0.01, although the division of their binary neighbours leaves a rest. Exact at every size; takes
 * microseconds at the most, as no number has more than 17 digits and an exponent of three.
 */
export function isMultipleOf(value: number, factor: number): boolean {
  if (Number.isSafeInteger(value) && Number.isSafeInteger(factor)) return value % factor === 0
  const [[digits, exponent], [factorDigits, factorExponent]] = [decimalOf(value), decimalOf(factor)]
  const least = Math.min(exponent, factorExponent)
  return (digits * 10n ** BigInt(exponent - least)) % (factorDigits * 10n ** BigInt(factorExponent - least)) === 0n
}

/** The shortest decimal that reads as this number, which is how JSON writes it (ECMA-262, Number::toString). */
function decimalOf(number: number): [digits: bigint, exponent: number] {
  const [mantissa = '', exponent = '0'] = String(number).split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  return [BigInt(whole + fraction), Number(exponent) - fraction.length]
}
