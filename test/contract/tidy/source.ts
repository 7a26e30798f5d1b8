import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

/** One file of the repository, parsed once, and only when a rule looks at its code. */
export class Source {
  readonly path: string
  readonly text: string
  #nodes: readonly ts.Node[] | undefined
  #prose: string | undefined

  /** `path` is relative to the repository, with slashes. */
  constructor(path: string, text: string) {
    this.path = path
    this.text = text
  }

  /** The nodes of one kind, in the order of the file: `source.all(ts.isCallExpression)`. */
  all<T extends ts.Node>(isKind: (node: ts.Node) => node is T): T[] {
    this.#nodes ??= [...nodesOf(ts.createSourceFile(this.path, this.text, ts.ScriptTarget.ES2023, true))]
    return this.#nodes.filter(isKind)
  }

  /** The text with blanks instead of literals: code and comments, in their places. */
  get prose(): string {
    if (this.#prose !== undefined) return this.#prose
    let [prose, end] = ['', 0]
    for (const literal of this.all(isQuoted)) {
      const start = literal.getStart()
      prose += this.text.slice(end, start) + ' '.repeat(literal.end - start)
      end = literal.end
    }
    this.#prose = prose + this.text.slice(end)
    return this.#prose
  }

  /** The line of a position, from 1. */
  lineAt(position: number): number {
    return this.text.slice(0, position).split('\n').length
  }
}

/** Lines that a text goes over. */
export function linesOf(text: string): number {
  return text.replace(/\n$/, '').split('\n').length
}

/** Every file of the repository that is not ignored by git. */
export function readRepository(root: string): Source[] {
  const ignored = readFileSync(join(root, '.gitignore'), 'utf8').split('\n').filter(Boolean).map(toPattern)
  const read = (folder: string): Source[] =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.name === '.git' || ignored.some((pattern) => pattern.test(path))) return []
      return entry.isDirectory() ? read(path) : [new Source(path, readFileSync(join(root, path), 'utf8'))]
    })
  return read('')
}

/** The few forms that .gitignore has here: a name or a path, perhaps with stars, perhaps with a slash at its end. */
function toPattern(line: string): RegExp {
  const name = line.replace(/\/$/, '').replaceAll('.', '\\.').replaceAll('*', '[^/]*')
  return new RegExp(`(^|/)${name}$`)
}

function* nodesOf(node: ts.Node): Generator<ts.Node> {
  const open: ts.Node[] = [node]
  for (let next = open.pop(); next; next = open.pop()) {
    yield next
    const children: ts.Node[] = []
    ts.forEachChild(next, (child) => void children.push(child))
    open.push(...children.reverse())
  }
}

function isQuoted(node: ts.Node): node is ts.LiteralLikeNode {
  return ts.isStringLiteral(node) || ts.isRegularExpressionLiteral(node) || ts.isTemplateLiteralToken(node)
}
