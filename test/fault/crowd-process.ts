import { connect, type Socket } from 'node:net'
import { answerJobs } from '../../bench/child.js'

/** Many connections that ask the same again and again, each as soon as it may. */
export interface CrowdJob {
  readonly port: number
  readonly apiKey: string
  readonly query: string
  readonly connections: number
  readonly seconds: number
}

/** Times in milliseconds from question to answer, of answers (200) and of refusals (503); how many were anything else. */
export interface CrowdResult {
  readonly answeredMs: readonly number[]
  readonly refusedMs: readonly number[]
  readonly failures: Readonly<Record<string, number>>
}

interface Tally {
  readonly answeredMs: number[]
  readonly refusedMs: number[]
  readonly failures: Record<string, number>
}

/**
 * A crowd begins to ask within so many milliseconds, over connections that are open: Node accepts one in each turn of its event loop,
 * so that a thousand new ones take a busy server some seconds, whatever it does with them.
 */
const RAMP_MS = 1_000
const ALIVE = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n'

/** Refused clients wait as long as they are told, plus up to a second, so that they do not come back all at once. */
answerJobs(async ({ port, apiKey, query, connections, seconds }: CrowdJob): Promise<CrowdResult> => {
  const body = JSON.stringify({ query })
  const head = ['POST /graphql HTTP/1.1', 'Host: localhost', `X-API-Key: ${apiKey}`, 'Content-Type: application/json']
  const text = `${head.join('\r\n')}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)))
  const untilMs = performance.now() + seconds * 1_000
  const tally: Tally = { answeredMs: [], refusedMs: [], failures: {} }
  await Promise.all(sockets.map((socket) => converse(socket, { text, untilMs }, tally)))
  return tally
})

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => undefined)
  await ask(socket, ALIVE)
  return socket
}

async function converse(socket: Socket, { text, untilMs }: { text: string; untilMs: number }, tally: Tally): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.random() * RAMP_MS))
  while (performance.now() < untilMs) {
    const askedAtMs = performance.now()
    const answer = await ask(socket, text)
    const tookMs = performance.now() - askedAtMs
    if (answer.status === '200') tally.answeredMs.push(tookMs)
    else if (answer.status === '503' && answer.retryAfter !== undefined) {
      tally.refusedMs.push(tookMs)
      const pauseMs = Math.min(answer.retryAfter * 1_000 * (1 + Math.random() / 2), Math.max(0, untilMs - performance.now()))
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    } else {
      tally.failures[answer.status] = (tally.failures[answer.status] ?? 0) + 1
      if (socket.destroyed) break
    }
  }
  socket.destroy()
}

/** The status of the next answer (`broken` where the connection ends), once all of it is there. */
function ask(socket: Socket, text: string): Promise<{ status: string; retryAfter: number | undefined }> {
  return new Promise((resolve) => {
    let received = ''
    const settle = (status: string): void => {
      socket.off('data', take).off('close', end)
      const [, seconds] = /\r\nretry-after: (\d+)/i.exec(received) ?? []
      resolve({ status, retryAfter: seconds === undefined ? undefined : Number(seconds) })
    }
    const take = (chunk: Buffer): void => {
      received += chunk.toString('latin1')
      const headEnd = received.indexOf('\r\n\r\n')
      const [, length] = /\r\ncontent-length: (\d+)/i.exec(received) ?? []
      if (headEnd >= 0 && received.length >= headEnd + 4 + Number(length ?? 0)) settle(received.slice(9, 12))
    }
    const end = (): void => settle('broken')
    socket.on('data', take).on('close', end)
    if (socket.destroyed) end()
    else socket.write(text)
  })
}
