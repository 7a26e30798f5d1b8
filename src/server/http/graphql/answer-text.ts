import type { FormattedExecutionResult } from 'graphql'
import { mapInSlices } from '../../../core/platform/slices.js'

/** What has about so many characters is written in one piece: well under a millisecond of work. */
const PIECE_LENGTH = 65_536
/** A number with all its digits has about so many characters. */
const NUMBER_LENGTH = 20

/**
 * The text of an answer, just as `JSON.stringify` writes it, and a line's end. A large one is written in slices, so that it does
 * not hold up whatever else the process has to do.
 */
export function answerText(answer: FormattedExecutionResult, pieceLength = PIECE_LENGTH): string | Promise<string> {
  if (roomAfter(answer, pieceLength) >= 0) return `${JSON.stringify(answer)}\n`
  return mapInSlices(piecesOf(answer, pieceLength), (piece) => piece).then((pieces) => `${pieces.join('')}\n`)
}

/** The pieces of a JSON value's text. What is undefined is left out, but in a list it is null. */
function* piecesOf(value: unknown, pieceLength: number): Generator<string> {
  if (typeof value !== 'object' || value === null || roomAfter(value, pieceLength) >= 0) {
    yield JSON.stringify(value) ?? 'null'
    return
  }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      yield index === 0 ? '[' : ','
      yield* piecesOf(value[index], pieceLength)
    }
    yield value.length === 0 ? '[]' : ']'
    return
  }
  let before = '{'
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue
    yield `${before}${JSON.stringify(name)}:`
    yield* piecesOf(member, pieceLength)
    before = ','
  }
  yield before === ',' ? '}' : '{}'
}

/** About how much of `room` characters a value leaves; negative as soon as it is known to have more, without looking at the rest. */
function roomAfter(value: unknown, room: number): number {
  if (typeof value === 'string') return room - value.length
  if (typeof value === 'number') return room - NUMBER_LENGTH
  let left = room - 1
  if (typeof value !== 'object' || value === null) return left
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length && left >= 0; index += 1) left = roomAfter(value[index], left - 1)
    return left
  }
  for (const name in value) {
    if (left < 0) return left
    left = roomAfter((value as Record<string, unknown>)[name], left - name.length)
  }
  return left
}
