import { compileEngine } from './core/database/embedded/engine-module.js'

// The engine of the embedded database is compiled on other threads while this one loads the program: both take long.
// What reads the settings is not loaded yet; a wrong guess costs time alone.
const mayUseEngine = process.argv.length === 2 && !process.env.DATABASE_URL
if (mayUseEngine) void compileEngine()
await import('./start.js')
