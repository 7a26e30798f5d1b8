import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startBuiltServer } from '../../bench/servers/built-server.js'

/** A build that knows one setting of the service besides the ones that every build knows, and starts with no other. */
const OTHER_BUILD = `
const known = ['VALHALLA_ADMIN_KEY', 'VALHALLA_DATA_DIR', 'VALHALLA_KEY_PEPPER']
if (process.argv[2] === '--help') console.log(known.join(' '))
else {
  const given = Object.keys(process.env).filter((name) => name.startsWith('VALHALLA_'))
  if (given.some((name) => !known.includes(name))) process.exit(78)
  console.log(JSON.stringify({ url: 'http://127.0.0.1:4000/graphql' }))
  setInterval(() => undefined, 1000)
}`

it('another build is started with those settings that it knows', async () => {
  const dist = await mkdtemp(join(tmpdir(), 'valhalla-dist-'))
  await writeFile(join(dist, 'main.js'), OTHER_BUILD)
  const server = await startBuiltServer({ dist, isPlain: true })
  expect(server.port).toBe(4000)
  await server.stop()
  await rm(dist, { recursive: true })
})
