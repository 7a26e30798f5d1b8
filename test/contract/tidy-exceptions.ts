import type { Exception } from './tidy/rule.js'

/**
 * What the rules of tidy.test.ts do not hold for. This list may only shrink: an entry that is about fewer places than it
 * says, or about more, fails the test. One that names a rule alone takes it out of force for as long as it is broken somewhere.
 */
export const EXCEPTIONS: readonly Exception[] = [
  { rule: 'no-time-asserted', why: 'Some tests still hold a duration against a limit.' },
  { rule: 'it-not-test', why: 'Some files still call a test `test`.' },
  { rule: 'pack-ids', why: 'Commands and collections still name their pack.' },
  { rule: 'collection-names', why: 'Some collections are still named like their records.' },

  { rule: 'function-lines', path: 'src/packs/config-registry/schema/value-schema.ts', why: 'The meter of a validation is one closure.' },
  {
    rule: 'parameters',
    path: 'src/server/socket/socket-protocol.ts',
    times: 3,
    why: 'Hooks of graphql-ws take what it passes, in its order.',
  },
  { rule: 'folder-files', subject: 'src/core/graphql', why: 'It holds types of single packs.' },
  { rule: 'folder-files', subject: 'src/packs/api-clients', why: 'Its rules and facts have no room of their own.' },
  {
    rule: 'resolver-database',
    path: 'src/packs/deployment/profile/deployment-profile.resolver.ts',
    why: 'It reads the state of the migrations, which is in no snapshot.',
  },
  {
    rule: 'no-proxy',
    path: 'src/server/schema.ts',
    times: 2,
    why: 'Resolvers are built from services that a schema on paper does not have.',
  },
  {
    rule: 'no-inner-class',
    path: 'src/packs/admin-operations/changes/change.resolver.ts',
    why: 'Its subscription is declared with services that are there only later.',
  },
  {
    rule: 'no-inner-class',
    path: 'src/packs/admin-operations/operations/admin-operation.resolver.ts',
    why: 'Its input type is made of the steps of the other packs.',
  },
  {
    rule: 'no-inner-class',
    path: 'src/packs/admin-operations/operations/admin-operation.types.ts',
    times: 2,
    why: 'Its input type is made of the steps of the other packs.',
  },
  {
    rule: 'no-inner-class',
    path: 'src/packs/deployment/runs/smoke-run.resolver.ts',
    why: 'Its subscription is declared with services that are there only later.',
  },
  {
    rule: 'no-inner-class',
    path: 'src/packs/maintenance/maintenance.resolver.ts',
    why: 'Its subscription is declared with services that are there only later.',
  },
  {
    rule: 'no-inner-class',
    path: 'src/packs/deployment/probes/socket-probe.ts',
    why: 'graphql-ws makes the socket itself, and this one tells its probe with which status it was refused.',
  },
  {
    rule: 'no-weak-map',
    path: 'src/packs/deployment/profile/deployment-profile.resolver.ts',
    why: 'Fields of one profile share one look at the migrations.',
  },
  { rule: 'no-weak-map', path: 'src/packs/deployment/runs/smoke-runner.ts', why: 'A process has one runner, whoever asks for it first.' },
  {
    rule: 'no-weak-map',
    path: 'src/packs/maintenance/effective.ts',
    why: 'Every call asks for the mode: it is remembered for as long as the state that it follows from.',
  },
  { rule: 'no-weak-map', path: 'src/packs/rate-limits/rate-limit-snapshots.ts', why: 'A request has one loader of counters.' },
  {
    rule: 'no-weak-map',
    path: 'src/server/operation/mask-errors.ts',
    why: 'Apollo formats an error without its request, whose id has to be in the answer.',
  },
  {
    rule: 'no-weak-map',
    path: 'src/server/operation/root-field-names.ts',
    why: 'Documents are parsed and forgotten by a cache that is not ours, and this goes with them.',
  },
  {
    rule: 'ledger-writes',
    path: 'src/core/background/retention.ts',
    why: 'It takes old answers and audit events away, whose tables it is given.',
  },
  {
    rule: 'policy-beside-the-field',
    path: 'src/packs/config-registry/config-entry.commands.ts',
    why: 'Who may store what looks like a secret depends on the value.',
  },
  { rule: 'pack-exports', path: 'src/packs/admin-operations/index.ts', why: 'It names the type of what the registry hands in.' },
  { rule: 'pack-exports', path: 'src/packs/api-clients/index.ts', why: 'It names the record of the collection.' },
]
