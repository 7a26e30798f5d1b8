import { type DocumentParts, KnownDocument } from './known-document.js'

/** Most documents that are remembered, and characters of all of them: a document in memory has some hundred bytes for each. */
const REMEMBERED = 1_000
const REMEMBERED_CHARACTERS = 200_000
/** Longer ones are read each time: a few of them would take the place of all others. */
const LONGEST_REMEMBERED = 10_000

/** Documents by their text. Those of a program are few: each is read once, and what is used is remembered longest. */
export class Documents {
  readonly #parts: DocumentParts
  /** Documents that were used of late, and those before them: whatever is used comes to the first. */
  #young = new Map<string, KnownDocument>()
  #old = new Map<string, KnownDocument>()
  #characters = 0

  constructor(parts: DocumentParts) {
    this.#parts = parts
  }

  /** The document of a text if it is remembered. */
  find(text: string): KnownDocument | undefined {
    const young = this.#young.get(text)
    if (young) return young
    const old = this.#old.get(text)
    if (old) this.#remember(text, old)
    return old
  }

  /** The document of a text; undefined for what is no text. */
  read(text: unknown): KnownDocument | undefined {
    if (typeof text !== 'string') return undefined
    const known = this.find(text)
    if (known) return known
    const document = new KnownDocument(text, this.#parts)
    if (text.length <= LONGEST_REMEMBERED) this.#remember(text, document)
    return document
  }

  #remember(text: string, document: KnownDocument): void {
    if (this.#young.size >= REMEMBERED / 2 || this.#characters + text.length > REMEMBERED_CHARACTERS / 2) {
      this.#old = this.#young
      this.#young = new Map()
      this.#characters = 0
    }
    this.#young.set(text, document)
    this.#characters += text.length
  }
}
