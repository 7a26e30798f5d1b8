import type { Output } from './output.js'

/** Shows on a terminal that something takes its time, and how it goes; anywhere else nothing is said. */
export async function withProgress<T>(out: Output, words: string, work: (tell: (words: string) => void) => Promise<T>): Promise<T> {
  if (!process.stderr.isTTY || out.format === 'name') return work(() => undefined)
  const { spinner } = await import('@clack/prompts')
  const shown = spinner({ output: process.stderr, indicator: 'timer' })
  shown.start(words)
  try {
    const result = await work((text) => shown.message(text))
    shown.stop(words)
    return result
  } catch (error) {
    shown.error(words)
    throw error
  }
}
