import type { Cli } from '../../cli.js'
import { AnswerFault } from '../../connection/answer-faults.js'
import { graphql, type ResultOf } from '../../connection/document.js'
import { follow, LostConnection, openSocket } from '../../connection/socket.js'
import { cell } from '../../output/text.js'
import { CHANGE_FIELDS, changeView } from './change-view.js'

const CHANGES = graphql(
  `
  subscription Watch($filter: ChangeFilter) { changes(filter: $filter) { ...ChangeFields } }
`,
  [CHANGE_FIELDS],
)

type Change = ResultOf<typeof CHANGES>['changes']

const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5_000

/** Remembers what was shown, so that a new connection goes on where the last one ended. */
export class Watch {
  readonly #cli: Cli
  #since: number
  /** What was shown of the revision behind `since`: it may have come in part. */
  #shown = new Set<string>()
  #left: number
  #pauseMs = FIRST_PAUSE_MS

  constructor(cli: Cli, since: number, count: number) {
    this.#cli = cli
    this.#since = since
    this.#left = count
  }

  async run(): Promise<void> {
    while (this.#left > 0) {
      const client = openSocket(await this.#cli.target())
      try {
        const variables = { filter: { sinceRevision: this.#since } }
        await follow(client, { document: CHANGES, variables }, ({ changes }) => {
          this.#show(changes)
          if (this.#left === 0) void client.dispose()
        })
      } catch (error) {
        if (!isPassing(error)) throw error
        if (this.#left > 0) await this.#pause(error)
      } finally {
        await client.dispose()
      }
    }
  }

  async #pause({ message }: Error): Promise<void> {
    this.#cli.out.say(`interrupted (${cell(message)}); trying again behind revision ${this.#since}`)
    await new Promise((done) => setTimeout(done, this.#pauseMs))
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
  }

  #show(change: Change): void {
    if (this.#left === 0 || this.#shown.has(change.id)) return
    this.#pauseMs = FIRST_PAUSE_MS
    if (change.revision - 1 > this.#since) {
      this.#since = change.revision - 1
      this.#shown = new Set()
    }
    this.#shown.add(change.id)
    this.#left -= 1
    const { out } = this.#cli
    if (out.format === 'json') out.text(`${JSON.stringify(change)}\n`)
    else if (out.format === 'yaml') out.text(`--- ${JSON.stringify(change)}\n`)
    else if (out.format === 'name') out.lines([change.id])
    else out.lines([changeView.columns.map(([, read]) => cell(read(change))).join(out.isTerminal ? '  ' : '\t')])
  }
}

/** Whether to connect again may help: the connection has ended, or the database was away. */
function isPassing(error: unknown): error is Error {
  return error instanceof LostConnection || (error instanceof AnswerFault && error.code === 'UNAVAILABLE')
}
