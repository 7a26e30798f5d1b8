import { text as readAll } from 'node:stream/consumers'
import { askSecret, demandTerminal } from '../../change/ask.js'
import type { Cli, Given } from '../../cli.js'
import { usage } from '../../fault.js'

/** A key, from standard input with `--key-stdin`, else asked for: never an argument, which `ps` and the history would show. */
export async function readKey(cli: Cli, given: Given): Promise<string> {
  if (!given['keyStdin']) demandTerminal(cli.out, 'pass --key-stdin, and the key on standard input')
  const key = (given['keyStdin'] ? await readAll(process.stdin) : await askSecret('API key')).trim()
  if (!/^[\x21-\x7e]{1,200}$/.test(key)) throw usage('that is no API key', 'it is one line, such as vk_live_...')
  return key
}
