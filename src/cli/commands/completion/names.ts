import { type Document, graphql } from '../../connection/document.js'
import { resolveTarget } from '../../connection/target.js'
import { ask } from '../../connection/transport.js'

/** How long a shell waits for names, in milliseconds: longer than that is a nuisance. */
const PATIENCE_MS = 700

const FLAGS = graphql(`
  query FlagKeys($prefix: String!) { featureFlags(filter: { prefix: $prefix }, first: 100) { nodes { name: key } } }
`)
const CONFIGS = graphql(`
  query ConfigKeys($prefix: String!) { configs(filter: { prefix: $prefix }, first: 100) { nodes { name: key } } }
`)
const CLIENTS = graphql(`
  query ClientNamesLike($prefix: String!) { apiClients(filter: { search: $prefix, isActive: true }, first: 100) { nodes { name } } }
`)
const CHECKS = graphql(`
  query CheckNames { smokeChecks { name isBuiltIn } }
`)

type Names = { readonly nodes: readonly { readonly name: string }[] }

const QUERIES: Readonly<Record<string, (prefix: string) => Promise<readonly string[]>>> = {
  flag: async (prefix) => namesIn((await fetchNames(FLAGS, { prefix })).featureFlags),
  config: async (prefix) => namesIn((await fetchNames(CONFIGS, { prefix })).configs),
  client: async (prefix) => namesIn((await fetchNames(CLIENTS, { prefix })).apiClients),
  smoke: async () => (await fetchNames(CHECKS, {})).smokeChecks.filter(({ isBuiltIn }) => !isBuiltIn).map(({ name }) => name),
}

/** The names of a noun's objects that begin with a text, as the server says; none where it does not answer soon. */
export async function namesOf(noun: string, prefix: string): Promise<readonly string[]> {
  const query = Object.hasOwn(QUERIES, noun) ? QUERIES[noun] : undefined
  if (!query) return []
  const late = new Promise<readonly string[]>((done) => setTimeout(done, PATIENCE_MS, []).unref())
  return Promise.race([query(prefix), late]).catch(() => [])
}

async function fetchNames<Result, Variables>(document: Document<Result, Variables>, variables: Variables): Promise<Result> {
  return ask(await resolveTarget({}), document, variables)
}

function namesIn({ nodes }: Names): readonly string[] {
  return nodes.map(({ name }) => name)
}
