/** Characters that a terminal obeys instead of showing them (C0, C1), and those that turn the order of a line around. */
// What a server sent is shown, never obeyed.
const CONTROLS = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu

/** A text in one line that no terminal obeys: what it would obey is written out, as in JSON. */
export function plain(text: string): string {
  return text.replace(CONTROLS, (character) => SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** A value in one line: texts as they are, everything else as JSON; nothing for null. */
export function cell(value: unknown): string {
  if (value === null || value === undefined) return ''
  return plain(typeof value === 'string' ? value : JSON.stringify(value))
}
