import { randomInt } from 'node:crypto'

/** The digits of base62, in the order of their values: 0-9, A-Z, a-z. */
export const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/**
 * Unpredictable characters for keys, each of the 62 equally likely (`randomInt` rejects what would favour some): 5.95 bits
 * of entropy a character.
 */
export function randomBase62(length: number): string {
  return Array.from({ length }, () => BASE62[randomInt(BASE62.length)]).join('')
}
