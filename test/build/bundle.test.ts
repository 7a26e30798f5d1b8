import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generateApiKey } from '../../src/packs/api-clients/keys/api-key.js'
import { askOverHttp, builtServer, launchServer, type StartingServer } from '../testkit/server-process.js'

const program = builtServer()

describe.runIf(program)('the bundled server', () => {
  const key = generateApiKey('test')
  let server: StartingServer
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'valhalla-bundle-'))
    const settings = { VALHALLA_ADMIN_KEY: key, NODE_ENV: 'test', VALHALLA_DATA_DIR: join(folder, 'data') }
    server = launchServer(program ?? [], settings)
  })
  afterAll(async () => {
    await server.stop()
    await rm(folder, { recursive: true })
  })

  it('finds itself well: all that the smoke test loads later, too, is in the bundle as it is called', async () => {
    const { url } = await server.ready
    const query = 'mutation { runSmokeTest(input: {}) { run { isOk results { name error } } userErrors { message } } }'
    const { data, errors } = await askOverHttp(url, { key, query })
    expect({ data, errors }).toMatchObject({ data: { runSmokeTest: { run: { isOk: true }, userErrors: [] } }, errors: undefined })
  })

  it('loads its rules about secrets later', async () => {
    const { url } = await server.ready
    const query =
      'mutation { setConfig(input: { key: "k", value: "-----BEGIN RSA PRIVATE KEY-----\\nMIIEow\\n-----END RSA PRIVATE KEY-----" }) { userErrors { code } } }'
    const { data, errors } = await askOverHttp(url, { key, query })
    expect({ data, errors }).toEqual({ errors: undefined, data: { setConfig: { userErrors: [{ code: 'LOOKS_SECRET' }] } } })
  })

  it('asks no chunk for a name that a CommonJS package does not give when it is loaded later', () => {
    const built = dirname(program?.at(-1) ?? '')
    const files = readdirSync(built).filter((file) => file.endsWith('.js'))
    const texts = new Map(files.map((file) => [file, readFileSync(join(built, file), 'utf8')]))
    const later = files.filter((file) => /^export default require_\w+\(\);$/m.test(texts.get(file) ?? ''))
    const asked = [...texts.values()].flatMap((text) => [...text.matchAll(/const \{([^}]*)\} = await import\("\.\/([^"]+)"\)/g)])
    expect(later.length).toBeGreaterThan(0)
    expect(asked.filter(([, , file = '']) => later.includes(file)).map(([line]) => line)).toEqual([])
  })
})
