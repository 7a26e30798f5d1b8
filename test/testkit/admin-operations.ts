import { expect } from 'vitest'
import type { RequestOptions, TestServer } from './server.js'
import { startSink } from './sink.js'

/** A fault of an input, as a payload shows it. */
export interface ShownFault {
  readonly code: string
  readonly message: string
  readonly field: readonly string[] | null
}

/** A row of the change log, as far as tests of admin operations look at it. */
export interface ShownChange {
  readonly id: string
  readonly revision: number
  readonly targetType: string
  readonly targetId: string
  readonly action: string
  readonly before: Readonly<Record<string, unknown>> | null
  readonly after: Readonly<Record<string, unknown>> | null
  readonly operation: string
  readonly reason: string | null
}

/** What `runAdminOperation` answers. */
export interface ShownOperation {
  readonly plan: readonly { readonly step: number; readonly targetType: string; readonly targetId: string; readonly action: string }[]
  readonly plannedAtRevision: number
  readonly revision: number | null
  readonly wasReverted: boolean
  readonly smokeTestRun: {
    readonly id: string
    readonly isOk: boolean
    readonly startedAt: string
    readonly results: readonly { readonly name: string; readonly status: string }[]
  } | null
  readonly changes: readonly ShownChange[]
  readonly userErrors: readonly ShownFault[]
}

/** What `revertRevision` answers. */
export interface ShownRevert {
  readonly plan: readonly { readonly targetType: string; readonly action: string }[]
  readonly changes: readonly ShownChange[]
  readonly revision: number | null
  readonly userErrors: readonly ShownFault[]
}

const CHANGE = 'id revision targetType targetId action before after operation reason'
/** Takes `$input`, and answers a {@link ShownOperation}. */
export const RUN_ADMIN_OPERATION = `mutation ($input: RunAdminOperationInput!) {
  runAdminOperation(input: $input) {
    plan { step targetType targetId action } plannedAtRevision revision wasReverted
    smokeTestRun { id isOk startedAt results { name status } } changes { ${CHANGE} } userErrors { code message field }
  }
}`
const REVERT_REVISION = `mutation ($input: RevertRevisionInput!) {
  revertRevision(input: $input) { plan { targetType action } changes { ${CHANGE} } revision userErrors { code message field } }
}`
const CHANGES = `query ($filter: ChangeFilter!) { changes(first: 100, filter: $filter) { nodes { ${CHANGE} } } }`

async function ask<T>(server: TestServer, question: { query: string; variables: Record<string, unknown> }, options?: RequestOptions) {
  const { data, errors } = await server.gql(question.query, question.variables, options)
  expect(errors).toBe(undefined)
  return Object.values(data as unknown as Record<string, T>)[0] as T
}

/** Runs an admin operation, as the admin if not told otherwise. */
export function operate(server: TestServer, input: object, options?: RequestOptions): Promise<ShownOperation> {
  return ask<ShownOperation>(server, { query: RUN_ADMIN_OPERATION, variables: { input } }, options)
}

/** Reverts a revision, as the admin if not told otherwise. */
export function revertRevision(server: TestServer, input: object, options?: RequestOptions): Promise<ShownRevert> {
  return ask<ShownRevert>(server, { query: REVERT_REVISION, variables: { input } }, options)
}

/** What the log holds, newest first. */
export async function changesOf(server: TestServer, filter: object): Promise<readonly ShownChange[]> {
  return (await ask<{ nodes: readonly ShownChange[] }>(server, { query: CHANGES, variables: { filter } })).nodes
}

/** Codes of faults with their places. */
export function placesOf(faults: readonly ShownFault[]): (readonly [string, string])[] {
  return faults.map(({ code, field }) => [code, field?.join('.') ?? ''] as const)
}

/** Does something as soon as the next operation is committed there, before it is probed. */
export function onceCommitted<T>({ services }: TestServer, action: () => Promise<T>): Promise<T> {
  return new Promise((resolve) => {
    const stop = services.ledger.onCommit(([change]) => {
      if (change?.operation !== 'runAdminOperation') return
      stop()
      resolve(action())
    })
  })
}

/** Runs `action` on a server that cannot reach itself: whatever it probes gets no answer until `action` has ended. */
export async function whileMute<T>({ services: { service } }: TestServer, action: () => Promise<T>): Promise<T> {
  const { door } = service
  const mute = await startSink(() => undefined)
  service.open({ ...door, url: mute.origin })
  try {
    return await action()
  } finally {
    service.open(door)
    await mute.close()
  }
}
