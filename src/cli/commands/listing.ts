import { type Command, InvalidArgumentError } from 'commander'
import { type Cli, does, type Given } from '../cli.js'
import { type Page, readPages } from '../connection/pages.js'
import { CliFault, EXIT } from '../fault.js'
import type { View } from '../output/output.js'

/** A command that lists something page by page. */
export interface Listing<T> {
  readonly name: string
  readonly summary: string
  /** How many items are shown if nobody says otherwise; left out: all. */
  readonly limit?: number
  readonly view: View<T>
  readonly read: (
    cli: Cli,
    page: { first: number; after: string | null },
    asked: { args: readonly string[]; given: Given },
  ) => Promise<Page<T>>
}

/** Adds a command that prints a list; options that narrow it down are the caller's. */
export function addListing<T>(parent: Command, { name, summary, limit, view, read }: Listing<T>): Command {
  const words = `at most this many (${limit ?? 'all'} if left out)`
  const command = parent.command(name).description(summary).option('--limit <number>', words, readCount)
  return does(command, async (cli, args, given) => {
    const most = (given['limit'] as number | undefined) ?? limit ?? Number.POSITIVE_INFINITY
    const rows = await readPages(most, (first, after) => read(cli, { first, after }, { args, given }))
    await cli.out.rows(rows, view)
  })
}

/** A number of items. */
export function readCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('This must be a whole number above 0.')
  return Number(text)
}

/** An object that has to be there; where it is not, that is exit code 4. */
export function found<T>(object: T | null, what: string): T {
  if (object === null) throw new CliFault(EXIT.missing, `there is no ${what}`)
  return object
}
