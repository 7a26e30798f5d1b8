import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { PGliteOptions } from '@electric-sql/pglite'

/** A `WebAssembly.Module`. */
type EngineModule = NonNullable<PGliteOptions['pgliteWasmModule']>

const require = createRequire(import.meta.url)
/** Node has it, the types of Node have not. */
const { WebAssembly } = globalThis as unknown as { WebAssembly: { compile(bytes: Uint8Array): Promise<EngineModule> } }

let engine: Promise<EngineModule> | undefined

/**
 * The embedded database's engine, compiled once for the whole process: on other threads, so that whoever calls this
 * early has it for nothing. It loads nothing but Node, for the start program to call it before everything else.
 *
 * @throws what the file system or the compiler says, to each caller that waits for it
 */
export function compileEngine(): Promise<EngineModule> {
  if (!engine) {
    const path = join(dirname(require.resolve('@electric-sql/pglite')), 'pglite.wasm')
    engine = readFile(path).then((bytes) => WebAssembly.compile(bytes))
    // A start that ends before it waits for the engine has nobody to hear of a fault.
    engine.catch(() => undefined)
  }
  return engine
}
