import { isNodeNewEnough } from './core/platform/node-version.js'

// As in main.ts: an old Node.js is told so before anything else is loaded.
if (isNodeNewEnough()) void import('./admin-reset-start.js')
