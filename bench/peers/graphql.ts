import { resolve } from 'node:path'
import type { Contestant } from '../contest.js'
import type { Call } from '../load.js'
import { startMeasured } from '../servers/measured-process.js'
import { installed, orNone } from './install.js'

const KINDS = { mercurius: 'mercurius with jit', apollo: 'Apollo standalone' } as const

/** Other GraphQL servers with this project's schema, which answer the root fields with `data` from memory. */
export async function startGraphqlPeers(data: object, groups: readonly (readonly Call[])[]): Promise<readonly Contestant[]> {
  const started: Contestant[] = []
  for (const [kind, name] of Object.entries(KINDS))
    started.push(
      ...(await orNone(name, async () => {
        const env = { NODE_ENV: 'production', PEERS: installed('graphql'), SCHEMA: resolve('schema.graphql'), ANSWER: JSON.stringify(data) }
        const server = await startMeasured({ args: [new URL('./graphql-server.mjs', import.meta.url).pathname, kind], env })
        const path = kind === 'mercurius' ? '/graphql' : '/'
        return [{ name, server, to: { host: '127.0.0.1', port: Number(new URL(server.url).port), path, headers: {} }, groups }]
      })),
    )
  return started
}
