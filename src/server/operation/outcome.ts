import type { FormattedExecutionResult } from 'graphql'

/** `ok`, `user_error` when a payload says what was wrong with the input, or the code of the first error. */
export function outcomeOf({ data, errors }: FormattedExecutionResult): string {
  const [error] = errors ?? []
  if (error) return String(error.extensions?.['code'] ?? 'INTERNAL_SERVER_ERROR')
  if (data) for (const payload of Object.values(data)) if (hasUserErrors(payload)) return 'user_error'
  return 'ok'
}

/** Only what the caller asked for is there to be seen: without `userErrors` in the selection the call counts as ok. */
function hasUserErrors(payload: unknown): boolean {
  const faults = typeof payload === 'object' && payload !== null && 'userErrors' in payload ? payload.userErrors : undefined
  return Array.isArray(faults) && faults.length > 0
}
