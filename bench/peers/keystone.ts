import type { Contestant } from '../contest.js'
export async function keystoneUpdates(): Promise<readonly Contestant[]> {
  return []
}
