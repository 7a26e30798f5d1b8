/**
 * The layers of docs/architecture.md as rules; `npm run check:layers` enforces them. Tests stand outside of the layers.
 * Imports of types count as well: a type that a layer knows is knowledge that it has.
 *
 * @type {import('dependency-cruiser').IConfiguration}
 */
const TEST = '\\.test\\.ts$'

/** A rule for the sources below `folder` that are not tests. */
const from = (folder) => ({ path: `^src/${folder}`, pathNot: TEST })

const layer = (name, folder, forbidden, comment) => ({
  name,
  comment,
  severity: 'error',
  from: from(folder),
  to: { path: forbidden.map((path) => `^src/${path}`) },
})

module.exports = {
  forbidden: [
    layer('core-knows-no-pack', 'core/', ['(?!core/|generated/)'], 'The core stands on generated code alone.'),
    layer(
      'packs-stand-on-core',
      'packs/',
      ['(?!packs/|core/|generated/)'],
      'A pack declares its policy as data; it never imports enforcement, the server or an entry.',
    ),
    {
      name: 'packs-know-no-other-pack',
      comment: 'What two packs share belongs in the core, or comes in as a port. Only the registry, src/packs/index.ts, knows them all.',
      severity: 'error',
      from: { path: '^src/packs/([^/]+)/', pathNot: TEST },
      to: { path: '^src/packs/', pathNot: '^src/packs/$1/' },
    },
    layer(
      'enforcement-stands-on-packs',
      'enforcement/',
      ['(?!enforcement/|packs/|core/|generated/)'],
      'Enforcement never imports the server or an entry.',
    ),
    {
      name: 'one-way-to-ask-the-database',
      comment: 'QueryableDatabase is the way, as it says UNAVAILABLE: packs and enforcement know no pool, no client and no engine.',
      severity: 'error',
      from: { path: '^src/(packs|enforcement)/', pathNot: TEST },
      to: {
        path: [
          'node_modules/(pg|@prisma|@electric-sql)/',
          '^src/core/database/(?!(database|database-error|migrate|embedded/durable-fs)\\.ts$)',
          '^src/generated/',
        ],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'packs-have-one-door',
      comment: 'Enforcement, the server and main read a pack through its index.ts only.',
      severity: 'error',
      from: { path: ['^src/enforcement/', '^src/server/', '^src/(main|start)\\.ts$'], pathNot: TEST },
      to: { path: '^src/packs/', pathNot: ['^src/packs/index\\.ts$', '^src/packs/[^/]+/index\\.ts$'] },
    },
    layer(
      'server-knows-no-entry',
      'server/',
      ['(?!server/|enforcement/|packs/|core/|generated/)'],
      'Entries import the server, not the other way round.',
    ),
    layer(
      'admin-tools-need-no-server',
      'admin-[^/]+\\.ts$',
      ['(?!admin-|enforcement/|packs/|core/|generated/)'],
      'A tool on the host works without the server.',
    ),
    layer(
      'cli-speaks-http',
      'cli/',
      ['(?!cli/|generated/graphql/|core/platform/node-version\\.ts$)'],
      'The CLI talks GraphQL over HTTP: it knows the schema, and nothing of the server.',
    ),
    layer(
      'heimdall-speaks-http',
      'heimdall/',
      ['(?!heimdall/)'],
      'The dashboard talks GraphQL over HTTP and imports nothing of the server.',
    ),
    {
      name: 'nothing-imports-tests',
      comment: 'What runs in production knows nothing of tests, benchmarks and scripts.',
      severity: 'error',
      from: { path: '^src/', pathNot: TEST },
      to: { path: ['^(test|bench|scripts)/', TEST] },
    },
    {
      name: 'no-cycles',
      comment: 'Modules that load each other see each other half loaded; those that share types alone cannot be read one after the other.',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true },
    },
    {
      name: 'no-dev-dependencies-at-runtime',
      comment: 'A production install leaves the devDependencies out. The CLI is bundled with its own.',
      severity: 'error',
      from: { path: '^src/(?!cli/)', pathNot: TEST },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'everything-resolves',
      comment: 'An import that leads nowhere would escape every rule above.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^src/generated/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
