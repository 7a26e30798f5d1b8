import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SYSTEM_PACKS } from '../../src/packs/system-status/pack-registry.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { anyServer, askOverHttp, type HttpAnswer, launchServer, type StartingServer } from '../testkit/server-process.js'

// What somebody does with a shell and curl, in this order, against one server process with the embedded database.

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const ERRORS = 'userErrors { code field }'
const SET_CONFIG = `mutation($input: SetConfigInput!) {
  setConfig(input: $input) { configEntry { key value description isMutable valueSchema version } ${ERRORS} revision }
}`
const DELETE_CONFIG = `mutation($input: DeleteConfigInput!) { deleteConfig(input: $input) { deletedKey ${ERRORS} revision } }`
const UNLOCK_CONFIG = `mutation($input: UnlockConfigInput!) { unlockConfig(input: $input) { configEntry { isMutable version } ${ERRORS} revision } }`
const SET_FLAG = `mutation($input: SetFeatureFlagInput!) {
  setFeatureFlag(input: $input) { featureFlag { key group description isEnabled version } ${ERRORS} revision }
}`
const DELETE_FLAG = `mutation($input: DeleteFeatureFlagInput!) { deleteFeatureFlag(input: $input) { deletedKey ${ERRORS} revision } }`
const CONFIGS = `query($filter: ConfigFilter, $first: Int, $after: String) {
  configs(filter: $filter, first: $first, after: $after) { nodes { key } pageInfo { hasNextPage hasPreviousPage endCursor } totalCount }
}`
const FLAGS = `query($filter: FeatureFlagFilter, $first: Int, $after: String) {
  featureFlags(filter: $filter, first: $first, after: $after) { nodes { key } pageInfo { hasNextPage endCursor } totalCount }
}`
const CHANGES = `query($filter: ChangeFilter, $first: Int, $after: String) {
  changes(filter: $filter, first: $first, after: $after) {
    nodes { id revision pack targetType targetId operation action actor { id } at } pageInfo { hasNextPage endCursor } totalCount
  }
}`
const STATUS_FIELDS = 'version backendComplete completedAt notes'
const VERSION = `mutation($input: UpdateSystemVersionInput!) { updateSystemVersion(input: $input) { systemStatus { version notes } ${ERRORS} revision } }`

/** Any JSON of an answer; the tests compare it as a whole. */
// biome-ignore format: one line says it
type Data = Record<string, { [field: string]: unknown; nodes: readonly Node[]; pageInfo: { hasNextPage: boolean; endCursor: string | null }; revision: number | null }>
interface Node {
  readonly id: string
  readonly key: string
  readonly revision: number
  readonly targetType: string
  readonly targetId: string
  readonly operation: string
  readonly pack: string
  readonly at: string
  readonly actor: { readonly id: string }
}
