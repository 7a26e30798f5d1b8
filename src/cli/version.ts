import { readFileSync } from 'node:fs'

/** The version of this package, which stands two folders above, built or not. */
export const VERSION: string = (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string })
  .version
