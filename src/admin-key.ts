import { parseArgs } from 'node:util'
import { generateApiKey } from './packs/api-clients/api-key.js'

/** Prints a new API key, such as VALHALLA_ADMIN_KEY takes; nobody is registered by it. `--test` makes it a `vk_test_` one. */
const { values } = parseArgs({ options: { test: { type: 'boolean', default: false } } })
process.stdout.write(`${generateApiKey(values.test ? 'test' : 'live')}\n`)
