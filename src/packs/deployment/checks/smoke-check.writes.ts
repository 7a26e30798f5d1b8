import { deletion, write } from '../../../core/graphql/write.js'
import { isBuiltIn } from '../probes/built-in-checks.js'
import { SMOKE_WRITE, smokeCheckCollection } from './smoke-check.collection.js'
import { builtIn, setSmokeCheck } from './smoke-check.commands.js'
import { SetSmokeCheckInput } from './smoke-check.inputs.js'
import { customCheckView, SmokeCheck } from './smoke-check.types.js'

/** Everything that can change the checks of the smoke test. */
export const smokeCheckWrites = [
  write({
    command: setSmokeCheck,
    input: SetSmokeCheckInput,
    permission: SMOKE_WRITE,
    sample: 'input: { name: "example", kind: HTTP, path: "/livez", isBlocking: false }',
    description: 'Adds a check of your own, or changes one; at most 100. Setting what is already there changes nothing.',
    takes: 'The name, the kind, and what is to be changed.',
    step: 'Adds a smoke check or changes it.',
    returns: {
      field: 'smokeCheck',
      type: () => SmokeCheck,
      description: 'The check as it is now; null when there are user errors.',
      show: customCheckView,
    },
  }),
  deletion({
    name: 'deleteSmokeCheck',
    collection: smokeCheckCollection,
    noun: 'check',
    permission: SMOKE_WRITE,
    description: 'Takes a check of your own out of the smoke test. Its history stays in the change log.',
    about: 'Takes a check out of the smoke test. Built-in checks stay.',
    takes: 'The name.',
    step: 'Deletes a smoke check.',
    findFaults: (_check, name) => (isBuiltIn(name) ? [builtIn('delete')] : []),
  }),
]
