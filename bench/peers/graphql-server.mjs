// A peer that answers GraphQL from data in memory: `mercurius` (on Fastify, with its compiler on) or `apollo` (standalone). It has this
// project's schema; root fields are answered with what ANSWER says, and nothing is checked or limited. PEERS is the folder that it is
// installed in, SCHEMA the schema's file.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const [kind] = process.argv.slice(2)
const load = createRequire(join(process.env.PEERS, 'package.json'))
const schema = readFileSync(process.env.SCHEMA, 'utf8')
const answer = JSON.parse(process.env.ANSWER)
const resolvers = { Query: Object.fromEntries(Object.entries(answer).map(([field, value]) => [field, () => value])) }
const ready = (port) => console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` }))

if (kind === 'mercurius') {
  const app = load('fastify')()
  app.register(load('mercurius'), { schema, resolvers, jit: 1 })
  await app.listen({ port: 0, host: '127.0.0.1' })
  ready(app.server.address().port)
} else {
  const { ApolloServer } = load('@apollo/server')
  const { startStandaloneServer } = load('@apollo/server/standalone')
  const server = new ApolloServer({ typeDefs: schema, resolvers })
  const { url } = await startStandaloneServer(server, { listen: { port: 0, host: '127.0.0.1' } })
  ready(new URL(url).port)
}
process.on('SIGTERM', () => process.exit(0))
