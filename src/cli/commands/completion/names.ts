import { type Document, graphql } from '../../connection/document.js'
import { resolveTarget, type TargetOptions } from '../../connection/target.js'
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

type Fetch = <Result, Variables>(document: Document<Result, Variables>, variables: Variables) => Promise<Result>

const QUERIES: Readonly<Record<string, (fetch: Fetch, prefix: string) => Promise<readonly string[]>>> = {
  flag: async (fetch, prefix) => namesIn((await fetch(FLAGS, { prefix })).featureFlags),
  config: async (fetch, prefix) => namesIn((await fetch(CONFIGS, { prefix })).configs),
  client: async (fetch, prefix) => namesIn((await fetch(CLIENTS, { prefix })).apiClients),
  smoke: async (fetch) => (await fetch(CHECKS, {})).smokeChecks.filter(({ isBuiltIn }) => !isBuiltIn).map(({ name }) => name),
}

/** The names of a noun's objects that begin with a text, as the server says that is meant; none where it does not answer soon. */
export async function namesOf(noun: string, prefix: string, options: TargetOptions): Promise<readonly string[]> {
  const query = Object.hasOwn(QUERIES, noun) ? QUERIES[noun] : undefined
  if (!query) return []
  const late = new Promise<readonly string[]>((done) => setTimeout(done, PATIENCE_MS, []).unref())
  const fetch: Fetch = async (document, variables) => ask(await resolveTarget(options), document, variables)
  return Promise.race([query(fetch, prefix), late]).catch(() => [])
}

function namesIn({ nodes }: Names): readonly string[] {
  return nodes.map(({ name }) => name)
}
