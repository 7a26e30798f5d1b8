// The peer Unleash, as its package starts it; PEERS is the folder that it is installed in. Its settings are in its own variables.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const load = createRequire(join(process.env.PEERS, 'package.json'))
const { start } = await import(pathToFileURL(load.resolve('unleash-server')).href)
const { server } = await start({
  server: { port: 0, host: '127.0.0.1', gracefulShutdownEnable: false },
  frontendApi: { refreshIntervalInMs: 1_000 },
  versionCheck: { enable: false },
  telemetry: false,
  logLevel: 'fatal',
})
console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` }))
process.on('SIGTERM', () => process.exit(0))
