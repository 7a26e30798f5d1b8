import { defineConfig } from 'vitest/config'
import config from './vitest.config.js'

// The command line in real shells and terminals: many processes, and so not a part of `npm test`.
export default defineConfig({ ...config, test: { ...config.test, include: ['test/cli/**/*.test.ts'], exclude: ['node_modules/**'] } })
