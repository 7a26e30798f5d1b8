/** What has to be let go of when a test file is done; every file runs it at its end. */
export const cleanUps: (() => Promise<void>)[] = []
