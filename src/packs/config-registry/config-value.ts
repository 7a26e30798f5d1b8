import type { JsonLimits } from '../../core/values/json.js'

/** A config value, and a schema for one, may have 64 KiB of compact JSON and 32 levels of arrays and objects. */
export const VALUE_LIMITS: JsonLimits = { maxBytes: 64 * 1024, maxDepth: 32 }
