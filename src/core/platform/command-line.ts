import { type ParseArgsConfig, parseArgs } from 'node:util'

/** The exit status for a command line that cannot be understood: EX_USAGE of sysexits.h. */
export const EXIT_USAGE = 64

type Options = NonNullable<ParseArgsConfig['options']>
type Values<T extends Options> = ReturnType<typeof parseArgs<{ options: T }>>['values']

/** What a command line asks for; `fault` is the one line for whoever typed it. */
export type CommandLine<T extends Options> =
  | { readonly asks: 'run'; readonly values: Values<T> }
  | { readonly asks: 'help' }
  | { readonly asks: 'nothing known'; readonly fault: string }

const HELP = { help: { type: 'boolean', short: 'h' } } as const

/** Reads the arguments of the process: these options and `--help`, nothing else. */
export function readCommandLine<const T extends Options>(options: T): CommandLine<T> {
  try {
    const { values } = parseArgs({ options: { ...options, ...HELP }, strict: true, allowPositionals: false })
    return 'help' in values && values.help === true ? { asks: 'help' } : { asks: 'run', values: values as Values<T> }
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error)
    return { asks: 'nothing known', fault: `${fault.split('. ')[0]}; --help shows what there is` }
  }
}
