import type { Command } from 'commander'
import type { Document } from './connection/document.js'
import { type ResolvedTarget, resolveTarget } from './connection/target.js'
import { ask, askAgain } from './connection/transport.js'
import { Output, readFormat } from './output/output.js'

/** Options of every command. */
export interface GlobalOptions {
  readonly profile?: string
  readonly url?: string
  readonly output?: string
}

/** What a command works with: where to ask, and where to print. */
export class Cli {
  readonly out: Output
  readonly #options: GlobalOptions
  #target: ResolvedTarget | undefined

  constructor(options: GlobalOptions) {
    this.#options = options
    this.out = new Output(readFormat(options.output))
  }

  /** The control plane that is meant. */
  async target(): Promise<ResolvedTarget> {
    this.#target ??= await resolveTarget(this.#options)
    return this.#target
  }

  /** Asks the control plane. Throws CliFault for errors. */
  async ask<Result, Variables>(document: Document<Result, Variables>, variables: Variables): Promise<Result> {
    return ask(await this.target(), document, variables)
  }

  /** As {@link ask}, sent again where the answer was lost: `variables` hold an idempotency key. */
  async askAgain<Result, Variables>(document: Document<Result, Variables>, variables: Variables): Promise<Result> {
    return askAgain(await this.target(), document, variables)
  }
}

/** The options of a command and of those around it, by their names; what they hold was read by their parsers. */
export type Given = Readonly<Record<string, unknown>>

/** What an action gets: the arguments in their order, the options, and what it works with. */
export type Action = (cli: Cli, args: readonly string[], given: Given) => Promise<void>

const MARKDOWN: ReadonlySet<string> = new Set(['plan', 'show'])

/** Binds what a command does; a list of arguments at the end comes as one argument after the other. */
export function does(command: Command, action: Action): Command {
  return command.action(async () => {
    const given: Given = command.optsWithGlobals()
    // Plans have a format more, which is not for data.
    const isMarkdown = given['output'] === 'markdown' && MARKDOWN.has(command.name())
    await action(
      new Cli(isMarkdown ? { ...given, output: 'table' } : given),
      command.processedArgs.flat().filter((each) => each !== undefined),
      given,
    )
  })
}

/** The value of a text option. */
export function textIn(given: Given, name: string): string | undefined {
  const value = given[name]
  return typeof value === 'string' ? value : undefined
}
