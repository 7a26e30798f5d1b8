// The peer Keystone, as `keystone start` runs it in the current folder, which it was built in. It says nothing that could be waited for:
// so a free port is looked for, and asked until it answers.
import { createServer } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

const port = await new Promise((done) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address()
    probe.close(() => done(port))
  })
})
process.env.PORT = String(port)
process.argv = [process.argv[0], 'keystone', 'start', '--no-ui']
await import(pathToFileURL(`${process.cwd()}/node_modules/@keystone-6/core/bin/cli.js`).href)
const url = `http://127.0.0.1:${port}`
while (!(await fetch(`${url}/api/graphql?query={__typename}`, { headers: { 'apollo-require-preflight': '1' } }).catch(() => undefined)))
  await wait(50)
console.log(`\n${JSON.stringify({ url })}`)
process.on('SIGTERM', () => process.exit(0))
