import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { HttpServer } from '../http/http-server.js'

/** How long a client may take to read why it is refused; milliseconds. */
const REFUSAL_LIMIT_MS = 5_000
/** Headers that belong to the asked-for upgrade only. */
const UPGRADE_HEADERS: ReadonlySet<string> = new Set(['upgrade', 'http2-settings'])

/** Answers an upgrade with plain HTTP, and ends the connection. */
export function refuseUpgrade(socket: Duplex, { status, message }: { status: number; message: string }): void {
  const body = `${JSON.stringify({ errors: [{ message }] })}\n`
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'connection: close',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  const timer = setTimeout(() => socket.destroy(), REFUSAL_LIMIT_MS)
  timer.unref()
  // Node's own time limits do not reach this connection any more, and its client may never close its side.
  socket.once('finish', () => socket.destroy()).once('close', () => clearTimeout(timer))
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

/**
 * Serves a request as if it had not asked for an upgrade, which a server may always do (RFC 9110, 7.8). Java's HTTP client
 * asks for h2c on every plain connection, and Node hands such requests over unread: they are put back on the connection,
 * with the `head` that has arrived behind the request's headers. That waits for the answers to the requests before it: what is
 * behind the headers may be further requests, and Node would lose the order of their answers.
 */
export function serveWithoutUpgrade(
  { server, whenAnswered }: Pick<HttpServer, 'server' | 'whenAnswered'>,
  { request, socket, head }: { request: IncomingMessage; socket: Duplex; head: Buffer },
): void {
  const lines = [`${request.method} ${request.url} HTTP/1.1`]
  for (let index = 0; index + 1 < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index] as string
    const value = request.rawHeaders[index + 1] as string
    if (name.toLowerCase() === 'connection') lines.push(`${name}: ${withoutUpgrade(value)}`)
    else if (!UPGRADE_HEADERS.has(name.toLowerCase())) lines.push(`${name}: ${value}`)
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]))
  const onError = (): void => void socket.destroy()
  socket.on('error', onError)
  whenAnswered(socket, () => {
    socket.off('error', onError)
    server.emit('connection', socket)
  })
}

/** What a Connection header asks for besides the upgrade, such as `close`. */
function withoutUpgrade(options: string): string {
  const kept = options.split(',').filter((option) => !UPGRADE_HEADERS.has(option.trim().toLowerCase()))
  return kept.join(',').trim()
}
