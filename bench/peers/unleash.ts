import type { Bench } from '../bench.js'
import type { Contestant } from '../contest.js'
import type { BuiltServer } from '../servers/built-server.js'
export async function unleashEvaluates(_bench: Bench, _server: BuiltServer): Promise<readonly Contestant[]> {
  return []
}
export async function unleashToggles(): Promise<readonly Contestant[]> {
  return []
}
