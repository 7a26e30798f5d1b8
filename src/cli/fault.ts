/** What the command ends with; 64 and 69 are EX_USAGE and EX_UNAVAILABLE of sysexits.h, 130 is what shells make of Ctrl-C. */
export const EXIT = {
  done: 0,
  fault: 1,
  changes: 2,
  missing: 4,
  refused: 5,
  denied: 6,
  usage: 64,
  unavailable: 69,
  interrupted: 130,
} as const

/** What the exit codes mean, for the manual. */
export const EXIT_MEANINGS: ReadonlyMap<number, string> = new Map([
  [EXIT.done, 'Done, or there was nothing to do.'],
  [EXIT.fault, 'Any other fault; declined at the question; a guarded change was put back; a smoke test failed.'],
  [EXIT.changes, '`plan`, `show`, `diff` and `--dry-run`: there are changes.'],
  [EXIT.missing, 'There is no such object.'],
  [EXIT.refused, 'Refused: the input breaks a rule, or the plan is stale.'],
  [EXIT.denied, 'No key, a wrong key, or not allowed.'],
  [EXIT.usage, 'The command line or a file is not understood.'],
  [EXIT.unavailable, 'Not reachable, unavailable, limited, or in maintenance.'],
  [EXIT.interrupted, 'Ctrl-C.'],
])

/** A fault that ends the command: what is wrong, what to do about it, and the exit code. */
export class CliFault extends Error {
  override readonly name = 'CliFault'
  readonly exitCode: number
  readonly hint: string | undefined

  constructor(exitCode: number, message: string, hint?: string) {
    super(message)
    this.exitCode = exitCode
    this.hint = hint
  }
}

/** A command line or a file that is not understood. */
export function usage(message: string, hint?: string): CliFault {
  return new CliFault(EXIT.usage, message, hint)
}
