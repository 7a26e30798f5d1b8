import { expect } from 'vitest'
import type { GraphQLAnswer, TestServer } from './server.js'

/** One check of a run, as its subject answers it. */
export interface SmokeResult {
  readonly name: string
  readonly status: string
  readonly isBlocking: boolean
  readonly statusCode: number | null
  readonly latencyMs: number | null
  readonly error: string | null
}

/** A run with all that {@link RUN_FIELDS} asks for. */
export interface SmokeRun {
  readonly id: string
  readonly baseUrl: string
  readonly isOk: boolean
  readonly startedAt: string
  readonly finishedAt: string | null
  readonly durationMs: number | null
  readonly results: readonly SmokeResult[]
  readonly triggeredBy: { readonly name: string } | null
}

/** What `runSmokeTest` answers. */
export interface SmokeRunPayload {
  readonly run: SmokeRun | null
  readonly userErrors: readonly { readonly code: string; readonly field: readonly string[] | null; readonly message: string }[]
}

/** The fields of a {@link SmokeRun}. */
export const RUN_FIELDS = `id baseUrl isOk startedAt finishedAt durationMs triggeredBy { name }
  results { name status isBlocking statusCode latencyMs error }`
/** Takes `$input`, and answers a {@link SmokeRunPayload}. */
export const RUN_SMOKE_TEST = `mutation ($input: RunSmokeTestInput) {
  runSmokeTest(input: $input) { run { ${RUN_FIELDS} } userErrors { code field message } }
}`
const SET_CHECK = 'mutation ($input: SetSmokeCheckInput!) { setSmokeCheck(input: $input) { userErrors { code field message } } }'
const DELETE_CHECK = 'mutation ($name: String!) { deleteSmokeCheck(input: { name: $name }) { deletedName userErrors { code } } }'

/** The data of an answer without errors. */
export function dataOf<T>({ data, errors }: GraphQLAnswer): T {
  expect(errors).toBe(undefined)
  return data as unknown as T
}

/** Runs smoke tests on a server as its admin, and knows the checks that it has added. */
export class SmokeTester {
  readonly #server: TestServer
  readonly #added: string[] = []

  constructor(server: TestServer) {
    this.#server = server
  }

  /** Whatever `runSmokeTest` answers. */
  async smoke(input?: object): Promise<SmokeRunPayload> {
    return dataOf<{ runSmokeTest: SmokeRunPayload }>(await this.#server.gql(RUN_SMOKE_TEST, { input })).runSmokeTest
  }

  /** A run that was not refused. */
  async runOf(input?: object): Promise<SmokeRun> {
    const { run, userErrors } = await this.smoke(input)
    expect(userErrors).toEqual([])
    if (!run) throw new Error('there is no run')
    return run
  }

  async addCheck(input: { readonly name: string; readonly [field: string]: unknown }): Promise<void> {
    expect(dataOf(await this.#server.gql(SET_CHECK, { input }))).toEqual({ setSmokeCheck: { userErrors: [] } })
    this.#added.push(input.name)
  }

  /** Deletes every check that was added here, and those of these names. */
  async removeChecks(...names: readonly string[]): Promise<void> {
    for (const name of [...this.#added.splice(0), ...names]) await this.#server.gql(DELETE_CHECK, { name })
  }
}
