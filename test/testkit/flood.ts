import { Agent, request } from 'node:http'

/** Many equal requests. */
export interface Flood {
  readonly count: number
  /** Over so many connections at a time. */
  readonly connections: number
  readonly key: string
  readonly query?: string
  /** More headers, by the number of the request. */
  readonly headersOf?: (index: number) => Record<string, string>
}

/** How many requests got which status. */
export async function flood(
  url: string | readonly string[],
  { count, connections, key, query = '{ __typename }', headersOf }: Flood,
): Promise<Record<number, number>> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const urls = typeof url === 'string' ? [url] : url
  const body = JSON.stringify({ query })
  const statuses: Record<number, number> = {}
  const ask = (index: number): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headersOf?.(index) }
      request(`${urls[index % urls.length]}/graphql`, { method: 'POST', agent, headers }, (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode ?? 0))
      })
        .on('error', reject)
        .end(body)
    })
  try {
    for (const status of await Promise.all(Array.from({ length: count }, (_, index) => ask(index))))
      statuses[status] = (statuses[status] ?? 0) + 1
  } finally {
    agent.destroy()
  }
  return statuses
}
