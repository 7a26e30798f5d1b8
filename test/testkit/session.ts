import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { anyServer, askOverHttp, type HttpAnswer, launchServer, type StartingServer } from './server-process.js'

const PROGRAM = anyServer()

/** One page of any list. */
export interface SessionPage {
  readonly nodes: readonly Readonly<Record<string, unknown>>[]
  readonly pageInfo: { readonly hasNextPage: boolean; readonly hasPreviousPage?: boolean; readonly endCursor: string | null }
  readonly totalCount: number
}

/** Somebody with a shell: a server process with an embedded database of its own, and the key of its first admin. */
export class Session {
  readonly dataDir: string
  readonly #root: string
  #server: StartingServer | undefined
  #url = ''
  #key = ''

  private constructor(root: string) {
    this.#root = root
    this.dataDir = join(root, 'data')
  }

  /** Starts a server for the first time, with no settings but a place for its data and time for its writes, and reads its admin's key. */
  static async begin(): Promise<Session> {
    const session = new Session(await mkdtemp(join(tmpdir(), 'valhalla-session-')))
    await session.start()
    session.#key = (await readFile(session.keyFile, 'utf8')).trim()
    return session
  }

  get key(): string {
    return this.#key
  }

  get url(): string {
    return this.#url
  }

  get keyFile(): string {
    return `${this.dataDir}.admin-key`
  }

  /** Permissions of the key's file, such as 0o600. */
  async keyFileMode(): Promise<number> {
    return (await stat(this.keyFile)).mode & 0o777
  }

  /** Starts the server, again on the same data. */
  async start(): Promise<void> {
    this.#server = launchServer(PROGRAM, {
      VALHALLA_DATA_DIR: this.dataDir,
      VALHALLA_DISK_RESERVE_MB: '0',
      VALHALLA_WRITE_TIMEOUT_MS: '60000',
    })
    this.#url = (await this.#server.ready).url
  }

  /** Stops the server in order; its exit status. */
  async stop(): Promise<number | null> {
    return (await this.#server?.stop()) ?? null
  }

  /** Ends the server and removes its data. */
  async end(): Promise<void> {
    await this.#server?.kill()
    await rm(this.#root, { recursive: true, force: true })
  }

  /** The whole answer to a call, with the admin's key if not told otherwise. */
  send(query: string, variables: Record<string, unknown> = {}, key: string | null = this.#key): Promise<HttpAnswer> {
    return askOverHttp(this.#url, { key, query, variables })
  }

  /** The data of a call that must have no top-level error. */
  async ask(query: string, variables: Record<string, unknown> = {}): Promise<Readonly<Record<string, unknown>>> {
    const { status, data, errors } = await this.send(query, variables)
    expect({ status, errors }).toEqual({ status: 200, errors: undefined })
    return data ?? {}
  }

  /** What the one root field of a call answers. */
  async one(query: string, variables: Record<string, unknown> = {}): Promise<unknown> {
    return Object.values(await this.ask(query, variables))[0]
  }

  /** A mutation with this input; what its one root field answers. */
  async write(query: string, input: object): Promise<unknown> {
    return this.one(query, { input })
  }

  /** Status and code of a call that fails at the top level. */
  async fault(query: string, variables: Record<string, unknown> = {}, key: string | null = this.#key): Promise<[number, unknown]> {
    const { status, errors } = await this.send(query, variables, key)
    return [status, errors?.[0]?.extensions?.['code']]
  }

  /** One page of a list. */
  async page(query: string, variables: Record<string, unknown> = {}): Promise<SessionPage> {
    return (await this.one(query, variables)) as SessionPage
  }

  /** One field of every item of a list, page by page; `between` runs after each page. */
  async pages(query: string, variables: Record<string, unknown>, { field, between }: PageWalk): Promise<unknown[][]> {
    const pages: unknown[][] = []
    let after: string | null = null
    for (;;) {
      const { nodes, pageInfo }: SessionPage = await this.page(query, { ...variables, after })
      pages.push(nodes.map((node) => node[field]))
      await between?.()
      if (!pageInfo.hasNextPage) return pages
      after = pageInfo.endCursor
    }
  }

  /** The newest revision. */
  async revision(): Promise<number> {
    return ((await this.one('{ systemStatus { revision } }')) as { revision: number }).revision
  }
}

/** How a list is walked through. */
export interface PageWalk {
  readonly field: string
  readonly between?: () => Promise<unknown>
}
