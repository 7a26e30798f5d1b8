import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { PrismaPg } from '@prisma/adapter-pg'
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils'
import pg from 'pg'
import { PGliteStream } from '../src/core/database/embedded/pglite-stream.js'
import { readMigrations } from '../src/core/database/migrate.js'

type EngineModule = typeof import('@prisma/schema-engine-wasm/schema_engine_bg')

const require = createRequire(import.meta.url)

/** What is used of the JavaScript interface of WebAssembly, which Node's types leave to the browser's. */
interface WasmRuntime {
  instantiate(bytes: Uint8Array, imports: object): Promise<{ readonly instance: { readonly exports: Readonly<Record<string, unknown>> } }>
}

/** Where the Prisma schema and its migrations are. */
export interface SchemaPaths {
  /** The folder of `schema.prisma` and `models/`. */
  readonly schema: string
  /** The folder of `<stamp>_<name>/migration.sql`. */
  readonly migrations: string
}

/** The SQL that leads from what the migrations build to what the Prisma schema says; null when they agree. */
export async function missingSql(paths: SchemaPaths): Promise<string | null> {
  const databases = await openScratches()
  try {
    const schemaEngine = await startEngine(databases[0].pool, databases[1].pool, paths)
    const { stdout, exitCode } = await schemaEngine.diff({
      from: { tag: 'migrations', ...listMigrations(paths.migrations) },
      to: { tag: 'schemaDatamodel', files: readSchema(paths.schema) },
      script: true,
      exitCode: true,
      filters: { externalTables: [], externalEnums: [] },
    })
    return exitCode === 0 ? null : (stdout ?? '')
  } finally {
    await Promise.all(databases.map(({ close }) => close()))
  }
}

/** Two empty databases in memory that `pg` can use: the engine's own, and its shadow. */
async function openScratches() {
  const first = await PGlite.create()
  const second = await PGlite.create({ loadDataDir: await first.dumpDataDir('none') })
  return [openPool(first), openPool(second)] as const
}

function openPool(db: PGlite) {
  const pool = new pg.Pool({ user: 'postgres', database: 'postgres', ssl: false, max: 1, stream: () => new PGliteStream(db) })
  const close = async () => {
    await pool.end()
    await db.close()
  }
  return { pool, close }
}

async function startEngine(main: pg.Pool, shadow: pg.Pool, paths: SchemaPaths) {
  const { SchemaEngine } = await loadEngine()
  const factory: SqlMigrationAwareDriverAdapterFactory = {
    provider: 'postgres',
    adapterName: '@prisma/adapter-pg',
    connect: () => connect(main),
    connectToShadowDb: () => connect(shadow),
  }
  const datamodels = readSchema(paths.schema).map(({ path, content }): [string, string] => [path, content])
  return SchemaEngine.new({ datamodels }, () => undefined, bindMigrationAwareSqlAdapterFactory(factory))
}

/**
 * Prisma's adapter, with two things mended: its `executeScript` cuts at every semicolon, also inside of a function's body
 * (the server knows better), and it refuses the catalogue's columns of type `"char"`, which the engine wants as characters.
 */
async function connect(pool: pg.Pool) {
  const adapter = await new PrismaPg(pool).connect()
  adapter.queryRaw = async (query) => {
    const charColumns = new Set<number>()
    const inner = await new PrismaPg(withCharAsText(pool, charColumns)).connect()
    try {
      const result = await inner.queryRaw(query)
      const columnTypes = result.columnTypes.map((type, index) => (charColumns.has(index) ? ColumnTypeEnum.Character : type))
      return { ...result, columnTypes }
    } finally {
      await inner.dispose()
    }
  }
  adapter.executeScript = async (script: string) => {
    await pool.query(script)
  }
  return adapter
}

/** A pool whose answers call `"char"` columns text, and which notes their positions. */
function withCharAsText(pool: pg.Pool, charColumns: Set<number>): pg.Pool {
  const query = async (config: pg.QueryConfig) => {
    const result = await pool.query(config)
    for (const [index, field] of result.fields.entries()) {
      if (field.dataTypeID !== pg.types.builtins.CHAR) continue
      field.dataTypeID = pg.types.builtins.TEXT
      charColumns.add(index)
    }
    return result
  }
  return new Proxy(pool, { get: (target, key) => (key === 'query' ? query : Reflect.get(target, key, target)) })
}

let engine: Promise<EngineModule> | undefined

/** The engine's code keeps its one instance in a variable, so that it is loaded once a process. */
function loadEngine(): Promise<EngineModule> {
  engine ??= instantiate()
  return engine
}

/** The package's own entry imports its .wasm as a module, which Node 20 cannot: this does the same by hand. */
async function instantiate(): Promise<EngineModule> {
  const path = require.resolve('@prisma/schema-engine-wasm/schema_engine_bg')
  const glue: EngineModule = await import(path)
  Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: new PanicRegistry() })
  const bytes = readFileSync(path.replace(/\.js$/, '.wasm'))
  const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: WasmRuntime }
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': glue })
  glue.__wbg_set_wasm(instance.exports)
  const start = instance.exports['__wbindgen_start']
  if (typeof start === 'function') start()
  return glue
}

/** Where the engine leaves the message of a panic, which ends the process right after it. */
class PanicRegistry {
  #message = ''
  get(): string {
    return this.#message
  }
  set_message(message: string): void {
    this.#message = message
    console.error(message)
  }
}

function readSchema(folder: string): { path: string; content: string }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.prisma'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => ({ path: relative(folder, path), content: readFileSync(path, 'utf8') }))
}

function listMigrations(folder: string) {
  return {
    baseDir: folder,
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    shadowDbInitScript: '',
    migrationDirectories: readMigrations(folder).map(({ name, sql }) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value: sql } },
    })),
  }
}
