import { InvalidArgumentError } from 'commander'
import { now } from '../platform.js'

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A moment: ISO 8601 with an offset, or from now on (`+90m`, `-2d`). Answers it in UTC. */
export function readMoment(text: string): string {
  const [, sign, amount, unit = ''] = /^([+-])(\d{1,6})([smhd])$/.exec(text) ?? []
  if (sign !== undefined) return new Date(now().getTime() + Number(`${sign}${amount}`) * (UNITS[unit] ?? 0)).toISOString()
  const moment = new Date(text)
  if (!/^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(text) || Number.isNaN(moment.getTime())) {
    throw new InvalidArgumentError(
      'This must be a time with an offset, such as 2030-01-31T22:00:00Z, or one from now on, such as +90m or -2d.',
    )
  }
  return moment.toISOString()
}
