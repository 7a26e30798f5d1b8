import { Field, Int, ObjectType } from 'type-graphql'
import { enumType, JSONValue } from '../../../core/graphql/scalars.js'
import type { JsonObject } from '../../../core/values/json.js'

/** Kinds of objects that belong to the exported state. */
export type StateKindName = 'FLAGS' | 'CONFIGS' | 'RATE_LIMITS' | 'SMOKE_CHECKS'

/** The GraphQL enum of kinds. */
export const StateKinds = enumType<StateKindName>('StateKind', 'A part of the state that people keep as a document.', {
  FLAGS: 'Feature flags, by key: `flags`.',
  CONFIGS: 'Entries of the config registry, by key: `configs`.',
  RATE_LIMITS: 'Rate limit rules, by scope and key: `rateLimits`.',
  SMOKE_CHECKS: 'Checks that were added to the smoke test, by name: `smokeChecks`.',
})

/** The part of the document that each kind is. */
export const SECTIONS: Readonly<Record<StateKindName, string>> = {
  FLAGS: 'flags',
  CONFIGS: 'configs',
  RATE_LIMITS: 'rateLimits',
  SMOKE_CHECKS: 'smokeChecks',
}

/** The state as a document. */
@ObjectType('StateExport', { simpleResolvers: true, description: 'The state as one document, all of it from one revision.' })
export class StateExport {
  @Field(() => Int, { description: 'The revision that the document is from.' })
  revision!: number
  @Field(() => JSONValue, {
    description:
      'An object with a part for each kind: `flags`, `configs`, `rateLimits`, `smokeChecks`. Each part holds its objects by what people call them, with all that their mutation takes besides the key, such as setFeatureFlag. Members are sorted. A rate limit on an active client names it, as in "API_KEY client:web-shop", since ids differ between environments. Clients, keys and maintenance are not in it, and never a secret.',
  })
  state!: JsonObject
}
