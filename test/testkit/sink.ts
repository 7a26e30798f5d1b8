import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request that has reached a {@link Sink}. */
export interface SunkRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
}

/** An HTTP server that remembers what it was asked. */
export interface Sink {
  readonly port: number
  /** `http://127.0.0.1:<port>` */
  readonly origin: string
  readonly requests: readonly SunkRequest[]
  close(): Promise<void>
}

/** A sink on every address of this machine; it answers `{"secret":"from the inside"}` if not told otherwise. */
export async function startSink(answer: RequestListener = answerSecret): Promise<Sink> {
  const requests: SunkRequest[] = []
  const server = createServer((request, response) => {
    requests.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers })
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '::' }, resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const answerSecret: RequestListener = (_request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end('{"secret":"from the inside"}')
}
