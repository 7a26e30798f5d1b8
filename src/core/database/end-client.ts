import type pg from 'pg'
import { endsWithin } from './within.js'

/** How long a server may take to say goodbye, in milliseconds. */
export const END_WAIT_MS = 1000

/** Ends a connection; one whose server does not even say goodbye (the network swallows everything) is torn down. Never throws. */
export async function endClient(client: pg.Client): Promise<void> {
  const ending = client.end().catch(() => undefined)
  if (!(await endsWithin(ending, END_WAIT_MS))) client.connection.stream.destroy()
}
