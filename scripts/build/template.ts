import { chmodSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { builtTemplate, makeTemplate } from '../../src/core/database/embedded/template.js'

/** Part of `npm run build`: an empty embedded database, so that a first start copies it instead of running initdb. */
const target = builtTemplate()
await makeTemplate(target)
// Whoever runs the program need not be who built it; the engine keeps one of the files to its owner, and lets all write the others.
const entries = readdirSync(target, { recursive: true, withFileTypes: true })
for (const entry of entries.filter((each) => each.isFile())) chmodSync(join(entry.parentPath, entry.name), 0o644)
console.log(`made ${target}`)
