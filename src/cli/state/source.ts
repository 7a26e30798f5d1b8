import { type Document, isAlias, isMap, isPair, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type Scalar } from 'yaml'
import type { Value } from './kinds.js'

/** What is wrong with a file, and where. Lines and columns count from 1. */
export interface FileFault {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
}

/** Where something stands below the root of a file: names of members and places in lists. */
export type Path = readonly (string | number)[]

/** Deepest nesting that is read: the values that a server takes have fewer levels. */
const MAX_DEPTH = 100

/**
 * One file of YAML 1.2 or JSON, read without guessing: what YAML would change silently is a fault. Keys that are no texts
 * (`1.20:` would be "1.2"), keys that are there twice, aliases, tags, and numbers that JavaScript cannot hold are refused.
 */
export class StateSource {
  readonly file: string
  readonly faults: FileFault[] = []
  /** What the file says; undefined where it cannot be read. */
  readonly value: Value | undefined
  readonly #document: Document.Parsed
  readonly #lines = new LineCounter()

  constructor(file: string, text: string) {
    this.file = file
    const options = {
      version: '1.2',
      schema: 'core',
      intAsBigInt: true,
      merge: false,
      prettyErrors: false,
      lineCounter: this.#lines,
    } as const
    this.#document = parseDocument(text, options)
    const { contents, errors, warnings } = this.#document
    for (const { pos, message, code } of [...errors, ...warnings]) this.#note(pos[0], MESSAGES[code] ?? message)
    this.value = contents === null ? undefined : this.#read(contents, 0)
  }

  /** The fault that something at a path is. Where the path is not there, the nearest thing around it. */
  faultAt(path: Path, message: string): FileFault {
    return this.#faultAt(this.#offsetOf(path), message)
  }

  #read(node: Node | null, depth: number): Value | undefined {
    if (node === null) return null
    const at = node.range?.[0] ?? 0
    if (depth > MAX_DEPTH) return this.#note(at, `this is nested deeper than ${MAX_DEPTH} levels`)
    if (isAlias(node)) return this.#note(at, 'aliases are not taken: write it out')
    if (node.tag !== undefined) return this.#note(at, `tags such as ${node.tag} are not taken`)
    if (isScalar(node)) return this.#readScalar(node, at)
    if (isSeq(node)) return node.items.map((item) => this.#read(item as Node | null, depth + 1) ?? null)
    if (!isMap(node)) return this.#note(at, 'this is no value')
    const members = node.items.map((pair) => this.#readPair(pair as Pair<Node, Node | null>, depth))
    return Object.fromEntries(members.filter((member) => member !== undefined))
  }

  #readPair({ key, value }: Pair<Node, Node | null>, depth: number): readonly [string, Value] | undefined {
    const read = this.#read(value, depth + 1)
    const at = key.range?.[0] ?? 0
    if (isScalar(key) && typeof key.value === 'string' && key.tag === undefined) return [key.value, read ?? null]
    const written = isScalar(key) && key.source !== undefined && key.source !== '' ? key.source : 'it'
    return this.#note(at, `a key has to be a text: write "${written}" in quotes`)
  }

  #readScalar({ value, source }: Scalar, at: number): Value | undefined {
    if (typeof value === 'bigint') {
      // As the server would print it: beyond 2^53 such numbers stand for themselves, and no others do.
      if (String(Number(value)) === String(value)) return Number(value)
      return this.#note(at, `${source} is beyond 2^53, and would be rounded: write it as a text, in quotes`)
    }
    if (typeof value === 'number' && !Number.isFinite(value)) return this.#note(at, `${source} is no number of JSON`)
    return value as Value
  }

  #note(offset: number, message: string): undefined {
    this.faults.push(this.#faultAt(offset, message))
  }

  #faultAt(offset: number, message: string): FileFault {
    const { line, col } = this.#lines.linePos(offset)
    return { file: this.file, line: Math.max(1, line), column: Math.max(1, col), message }
  }

  #offsetOf(path: Path): number {
    let node: unknown = this.#document.contents
    let offset = (node as Node | null)?.range?.[0] ?? 0
    for (const part of path) {
      const next: unknown = isMap(node)
        ? node.items.find(({ key }) => isScalar(key) && key.value === String(part))
        : isSeq(node)
          ? node.items[Number(part)]
          : undefined
      if (next === undefined) break
      const place = isPair(next) ? (next.key as Node) : (next as Node | null)
      offset = place?.range?.[0] ?? offset
      node = isPair(next) ? next.value : next
    }
    return offset
  }
}

const MESSAGES: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'this key is there twice: keep one of them',
  MULTIPLE_DOCS: 'one document a file: what stands behind --- belongs into a file of its own',
}

/** A fault as compilers write it, so that editors find the place. */
export function faultLine({ file, line, column, message }: FileFault): string {
  return `${file}:${line}:${column}: ${message}`
}
