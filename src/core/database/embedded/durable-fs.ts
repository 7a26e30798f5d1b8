import { closeSync, constants, fsyncSync, openSync } from 'node:fs'
import { copyFile, mkdir, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { NodeFS } from '@electric-sql/pglite/nodefs'

type InitArguments = Parameters<NodeFS['init']>
type InitResult = ReturnType<NodeFS['init']>

/** The parts of Emscripten's NODEFS that are used here. */
interface NodeFilesystem {
  readonly stream_ops: { fsync?: (stream: { readonly nfd?: number; readonly node: object }) => number }
  realPath(node: object): string
  /** Runs a file operation and turns its error into one that PostgreSQL understands. */
  tryFSOperation(operation: () => void): void
}

/** Files that are copied or synced at the same time: as many as Node's thread pool has threads, twice. */
const PARALLEL = 8

/**
 * PGlite's file system on a directory, with an fsync. PGlite's own has no hook for it, so that PostgreSQL believes
 * that its commits are on the disk when a power cut could still take them. To be used with start parameters without `-F`.
 */
export class DurableNodeFS extends NodeFS {
  override init(pg: InitArguments[0], options: InitArguments[1]): InitResult {
    const preRun = [...(options.preRun ?? []), (module: { readonly NODEFS: unknown }) => addFsync(module.NODEFS as NodeFilesystem)]
    return super.init(pg, { ...options, preRun })
  }
}

function addFsync(files: NodeFilesystem): void {
  files.stream_ops.fsync = ({ nfd, node }) => {
    if (nfd === undefined) fsyncDirectory(files.realPath(node))
    else files.tryFSOperation(() => fsyncSync(nfd))
    return 0
  }
}

/** Makes the entries of a directory (new, renamed, deleted files) durable, where the platform can. */
export function fsyncDirectory(path: string): void {
  try {
    const handle = openSync(path, 'r')
    try {
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
  } catch {
    // Windows cannot open a directory, and some file systems refuse to sync one: there is nothing more to be done there.
  }
}

/** Copies a directory that nobody writes to; when it returns, the copy would survive a power cut. `target` must not exist. */
export async function copyTreeDurably(source: string, target: string): Promise<void> {
  const entries = await readdir(source, { recursive: true, withFileTypes: true })
  const below = (entry: { parentPath: string; name: string }) => join(target, entry.parentPath.slice(source.length), entry.name)
  const folders = [target, ...entries.filter((entry) => entry.isDirectory()).map(below)]
  // PostgreSQL refuses a data directory that others could read.
  for (const folder of folders) await mkdir(folder, { recursive: true, mode: 0o700 })
  const files = entries.filter((entry) => entry.isFile())
  const copyNext = async (): Promise<void> => {
    for (let entry = files.pop(); entry !== undefined; entry = files.pop()) {
      await copyFile(join(entry.parentPath, entry.name), below(entry), constants.COPYFILE_FICLONE)
      await fsyncFile(below(entry))
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, copyNext))
  for (const folder of folders) fsyncDirectory(folder)
}

/** Makes a directory and everything below it durable. */
export async function fsyncTree(root: string): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isDirectory()) fsyncDirectory(path)
    else await fsyncFile(path)
  }
  fsyncDirectory(root)
}

async function fsyncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+')
  await handle.sync().finally(() => handle.close())
}
