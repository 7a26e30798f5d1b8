/** What a server makes by chance: identifiers, API keys and what is shown of them, digests of the chain. */
const TOKEN = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|vk_(?:live|test)_[0-9A-Za-z]{4}[0-9A-Za-z_]*|\b[0-9a-f]{64}\b/g
const ID = /^[0-9a-f]{8}-/
const KEY = /^vk_\w{30,}/
/** What could be an opaque cursor. */
const BASE64 = /[A-Za-z0-9_-]{16,}/g

/**
 * Which tokens of one server stand for which of the reference: one for one, found by their places in equal answers. So what is made
 * by chance is compared as well: a token that stands where another one should be is a difference.
 */
export class TokenMap {
  readonly #own = new Map<string, string>()
  readonly #reference = new Map<string, string>()

  /** Why two texts are not the same but for their tokens; undefined where they are. */
  differ(reference: string, own: string): string | undefined {
    const [wanted, found] = [split(openCursors(reference)), split(openCursors(own))]
    for (const [index, text] of wanted.entries()) {
      const other = found[index]
      const isSame = index % 2 === 0 ? text === other : other !== undefined && this.#isPair(text, other)
      if (!isSame) return around(text, other)
    }
    return found.length === wanted.length ? undefined : 'one has more tokens than the other'
  }

  /** A text with the server's own tokens in place of the reference's. */
  translate(text: string): string {
    return mapCursors(text, (opened) => this.#translated(opened), true)
  }

  #translated(text: string): string {
    return text.replace(TOKEN, (token) => this.#own.get(token) ?? token)
  }

  #isPair(reference: string, own: string): boolean {
    const known = this.#own.get(reference)
    if (known !== undefined || this.#reference.has(own)) return known === own
    this.#own.set(reference, own)
    this.#reference.set(own, reference)
    return true
  }
}

/** Tokens of answers, by what they are: later cases ask for them. */
export class Seen {
  readonly #kinds: Readonly<Record<string, string[]>> = { id: [], cursor: [], key: [] }
  readonly #known = new Set<string>()

  note(answer: string): void {
    for (const token of answer.match(TOKEN) ?? []) {
      if (ID.test(token)) this.#add('id', token)
      else if (KEY.test(token)) this.#add('key', token)
    }
    for (const [, cursor = ''] of answer.matchAll(/[cC]ursor\w*":"([\w-]+)"/g)) this.#add('cursor', cursor)
  }

  /** A text with tokens in place of its marks. */
  fill(text: string): string {
    return text.replace(/@(id|cursor|key):(\d+)@/g, (_mark, kind: string, number: string) => {
      const tokens = this.#kinds[kind] ?? []
      return tokens[Number(number) % tokens.length] ?? 'example'
    })
  }

  #add(kind: string, token: string): void {
    if (this.#known.has(token)) return
    this.#known.add(token)
    const tokens = this.#kinds[kind] as string[]
    tokens.push(token)
    // What is asked for are the newest, and those that were there from the beginning.
    if (tokens.length > 60) tokens.splice(20, 1)
  }
}

/** Texts and tokens in turn. */
function split(text: string): string[] {
  const parts: string[] = []
  let end = 0
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    parts.push(text.slice(end, index), token)
    end = index + token.length
  }
  return [...parts, text.slice(end)]
}

/** A text whose cursors say what place they hold. */
function openCursors(text: string): string {
  return mapCursors(text, (opened) => `cursor<${opened}>`, false)
}

function mapCursors(text: string, change: (opened: string) => string, isClosed: boolean): string {
  const pieces = text.replace(BASE64, (piece) => {
    const opened = Buffer.from(piece, 'base64url').toString()
    if (opened.search(TOKEN) < 0 || Buffer.from(opened).toString('base64url') !== piece) return piece
    return isClosed ? Buffer.from(change(opened)).toString('base64url') : change(opened)
  })
  return isClosed ? change(pieces) : pieces
}

/** The first place where two texts part. */
function around(wanted: string, found = 'nothing'): string {
  let at = 0
  while (at < wanted.length && wanted[at] === found[at]) at += 1
  const from = Math.max(0, at - 80)
  return `wanted …${wanted.slice(from, at + 120)}…\n      found  …${found.slice(from, at + 120)}…`
}
