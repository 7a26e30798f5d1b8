import { EXIT_USAGE, readCommandLine } from './core/platform/command-line.js'
import { generateApiKey } from './packs/api-clients/keys/api-key.js'

/** Prints a new API key, such as VALHALLA_ADMIN_KEY takes; nobody is registered by it. `--test` makes it a `vk_test_` one. */
const USAGE = 'Usage: npm run --silent admin:key -- [--test]'

const line = readCommandLine({ test: { type: 'boolean', default: false } })
switch (line.asks) {
  case 'help':
    process.stdout.write(`${USAGE}\n`)
    break
  case 'run':
    process.stdout.write(`${generateApiKey(line.values.test ? 'test' : 'live')}\n`)
    break
  case 'nothing known':
    process.stderr.write(`${line.fault}\n`)
    process.exitCode = EXIT_USAGE
    break
  default:
    line satisfies never
}
