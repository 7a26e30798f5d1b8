import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A TCP relay that can fail as a network does. */
export interface TcpProxy {
  readonly port: number
  /** That of what stands behind it, but through here. */
  readonly url: string
  /** Ends every connection and refuses new ones. */
  cut(): Promise<void>
  /** Accepts and keeps connections, but lets nothing through any more, not even that one side has ended. */
  stall(): void
  /** Loses the connections that there are without a word, as a firewall does that forgets them; new ones work. */
  forget(): void
  /** Lets everything through again. */
  restore(): Promise<void>
  close(): Promise<void>
}

/** Ports of servers whose URL names none. */
const USUAL_PORTS: Readonly<Record<string, string>> = { 'postgresql:': '5432', 'redis:': '6379' }

/** A relay on a free loopback port to the server of this URL on 127.0.0.1. */
export async function startTcpProxy(targetUrl: string): Promise<TcpProxy> {
  const url = new URL(targetUrl)
  const targetPort = Number(url.port || USUAL_PORTS[url.protocol])
  const sockets = new Set<Socket>()
  const forgotten = new Set<Socket>()
  let isStalled = false
  const relay = (client: Socket): void => {
    const upstream = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true })
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.on('data', (data) => {
        if (!isStalled && !forgotten.has(from)) to.write(data)
      })
      from.on('end', () => {
        if (!isStalled && !forgotten.has(from)) to.end()
      })
      from.on('error', () => to.destroy())
      from.on('close', () => {
        sockets.delete(from)
        forgotten.delete(from)
        to.destroy()
      })
    }
  }
  let server: Server = createServer({ allowHalfOpen: true }, relay)
  const listen = (port: number): Promise<void> => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const { port } = server.address() as AddressInfo
  url.port = String(port)
  const cut = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return {
    port,
    url: url.href,
    cut,
    stall: () => {
      isStalled = true
    },
    forget() {
      for (const socket of sockets) forgotten.add(socket)
    },
    async restore() {
      isStalled = false
      // What was swallowed while it stalled is lost: those connections are of no use any more.
      for (const socket of sockets) socket.destroy()
      if (server.listening) return
      server = createServer({ allowHalfOpen: true }, relay)
      await listen(port)
    },
    close: cut,
  }
}
