import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: {
    // One copy of graphql for both module systems: two copies refuse each other's schemas.
    alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }],
  },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['test/fault/**', 'test/cli/**', 'node_modules/**'],
    globalSetup: ['test/testkit/run-folder.ts'],
    setupFiles: ['test/testkit/setup.ts'],
    // The only limit that tests have: on a busy machine everything takes long.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
    // Files of one worker share its modules: loading them again for each file took a fifth of the whole run.
    isolate: false,
    // Default imports of CommonJS packages mean what they mean to Node.
    deps: { interopDefault: false },
  },
  oxc: false,
  esbuild: { tsconfigRaw: { compilerOptions: { experimentalDecorators: true, useDefineForClassFields: false } } },
})
