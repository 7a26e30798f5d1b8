import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerJobs } from './child.js'

/** Starts the bare server with this answer; its result is the port. */
export interface BareJob {
  readonly answer: string
}

/** The least that Node can do with a POST: read the body to its end, and answer JSON of a known length. */
const server = createServer()

answerJobs(
  ({ answer }: BareJob) =>
    new Promise<number>((resolve) => {
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) }
      server.removeAllListeners('request').on('request', (request, response) => {
        request.resume().on('end', () => response.writeHead(200, headers).end(answer))
      })
      const port = (): void => resolve((server.address() as AddressInfo).port)
      if (server.listening) port()
      else server.listen(0, '127.0.0.1', port)
    }),
  async () => {
    server.close()
    server.closeAllConnections()
  },
)
