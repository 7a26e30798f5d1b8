import { builtTemplate, makeTemplate } from '../src/core/database/embedded/template.js'

/** Part of `npm run build`: an empty embedded database, so that a first start copies it instead of running initdb. */
const target = builtTemplate()
await makeTemplate(target)
console.log(`made ${target}`)
