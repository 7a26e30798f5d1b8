import { type Cli, type Given, textIn } from '../../cli.js'
import { CliFault, EXIT, usage } from '../../fault.js'
import { readText } from '../../files.js'
import { plain } from '../../output/text.js'
import { toYaml } from '../../output/yaml.js'
import { type Imported, InexpressibleError } from '../../state/import/flag-model.js'
import { importFlagd } from '../../state/import/flagd.js'
import { importUnleash } from '../../state/import/unleash.js'
import type { Value } from '../../state/kinds.js'
import { toDocument } from '../../state/print.js'
import { StateSource } from '../../state/source.js'
import { refuseFiles } from './state-files.js'

/** Prints what another system's file comes to, and on standard error what was left out. */
export async function runImport(cli: Cli, { system, file }: { system: string; file: string }, given: Given): Promise<void> {
  const source = new StateSource(file, await readText(file))
  refuseFiles(source.faults)
  const { flags, renamed, refused, warnings } = convert(system, source.value ?? null, textIn(given, 'environment'))
  const none = new Map()
  const document = toDocument({ flags, configs: none, rateLimits: none, smokeChecks: none })
  if (cli.out.format === 'json') await cli.out.data(document)
  else cli.out.text(toYaml(document))
  for (const { name, key } of renamed) cli.out.say(`renamed: ${plain(name)} is ${key} here: ask for that`)
  for (const { name, warning } of warnings) cli.out.say(`warning: ${plain(name)}: ${plain(warning)}`)
  for (const { name, reason } of refused) cli.out.say(`refused: ${plain(name)}: ${plain(reason)}`)
  cli.out.say(`${flags.size} flags imported, ${refused.length} refused.`)
  if (flags.size === 0 && refused.length > 0) throw new CliFault(EXIT.refused, 'nothing of this file can be said here')
}

function convert(system: string, value: Value, environment: string | undefined): Imported {
  try {
    return system === 'unleash' ? importUnleash(value, environment) : importFlagd(value)
  } catch (error) {
    if (error instanceof InexpressibleError) throw usage(error.message, 'pass --environment')
    // The parts of a file of another system have the shapes that it documents, or it is none.
    if (error instanceof TypeError) throw usage(`this is no file of ${system}`)
    throw error
  }
}
