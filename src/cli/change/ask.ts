import { CliFault, EXIT, usage } from '../fault.js'
import type { Output } from '../output/output.js'

/** A question that nobody can answer is an error that says which option answers it. */
export function demandTerminal(out: Output, instead: string): void {
  if (!out.canAsk) throw usage('there is no terminal to ask on', instead)
}

/** Asks yes or no; no is a fault, since nothing was done. Ctrl-C ends with 130. */
export async function confirm(question: string): Promise<void> {
  const { confirm: ask } = await import('@clack/prompts')
  const answer = await ask({ message: question, initialValue: false, output: process.stderr })
  if (typeof answer === 'symbol') throw interrupted()
  if (!answer) throw new CliFault(EXIT.fault, 'declined: nothing was changed')
}

/** Asks for a text that is not shown. */
export async function askSecret(question: string): Promise<string> {
  const { password } = await import('@clack/prompts')
  const answer = await password({ message: question, output: process.stderr })
  if (typeof answer === 'symbol') throw interrupted()
  return answer
}

function interrupted(): CliFault {
  return new CliFault(EXIT.interrupted, 'interrupted: nothing was changed')
}
