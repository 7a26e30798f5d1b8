import { usage } from '../../fault.js'
import { readText } from '../../files.js'
import { type FileFault, faultLine, StateSource } from '../../state/source.js'
import { type DesiredState, readState } from '../../state/state.js'

/** Reads state files, the later ones over the earlier ones. Throws CliFault with every fault of every file. */
export async function readStateFiles(paths: readonly string[]): Promise<DesiredState> {
  const sources: StateSource[] = []
  for (const path of paths) sources.push(new StateSource(path === '-' ? 'standard input' : path, await readText(path)))
  const { state, faults } = readState(sources)
  refuseFiles(faults)
  return state
}

/** Throws a CliFault that lists faults of files; nothing where there are none. */
export function refuseFiles(faults: readonly FileFault[]): void {
  if (faults.length > 0)
    throw usage(faults.map(faultLine).join('\nerror: '), '`valhalla schema` writes a JSON Schema that editors check with')
}
