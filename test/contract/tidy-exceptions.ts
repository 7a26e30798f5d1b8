import type { Exception } from './tidy/rule.js'

/**
 * What the rules of tidy.test.ts do not hold for. This list may only shrink: an entry that is about fewer places than it
 * says, or about more, fails the test. One that names a rule alone takes it out of force for as long as it is broken somewhere.
 */
export const EXCEPTIONS: readonly Exception[] = [
  {
    rule: 'parameters',
    path: 'src/server/socket/socket-protocol.ts',
    times: 3,
    why: 'Hooks of graphql-ws take what it passes, in its order.',
  },
  {
    rule: 'no-inner-class',
    path: 'src/packs/deployment/probes/socket-probe.ts',
    why: 'graphql-ws makes the socket itself, and this one tells its probe with which status it was refused.',
  },
  {
    rule: 'no-weak-map',
    path: 'src/packs/maintenance/effective.ts',
    why: 'Every call asks for the mode: it is remembered for as long as the state that it follows from.',
  },
  {
    rule: 'no-weak-map',
    path: 'src/server/operation/mask-errors.ts',
    why: 'Apollo formats an error without its request, whose id has to be in the answer.',
  },
]
