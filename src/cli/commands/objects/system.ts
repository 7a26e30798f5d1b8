import type { Command } from 'commander'
import { addWrite } from '../../change/write-command.js'
import { does } from '../../cli.js'
import { graphql, type ResultOf } from '../../connection/document.js'
import type { View } from '../../output/output.js'

const STATUS = graphql(`
  query Status {
    systemStatus { version backendComplete notes revision extra summary { description } }
    maintenanceState { mode reason expiresAt }
    viewer { role apiClient { name expiresAt } }
  }
`)

type Status = ResultOf<typeof STATUS> & { readonly url: string }

const view: View<Status> = {
  name: ({ url }) => url,
  columns: [
    ['server', ({ url }) => url],
    ['version', ({ systemStatus }) => systemStatus.version],
    ['revision', ({ systemStatus }) => systemStatus.revision],
    ['maintenance', ({ maintenanceState: { mode, reason } }) => (reason === null ? mode : `${mode}: ${reason}`)],
    ['packs', ({ systemStatus }) => systemStatus.summary.description],
    ['backend', ({ systemStatus }) => (systemStatus.backendComplete ? 'complete' : 'not complete')],
    ['notes', ({ systemStatus }) => systemStatus.notes],
    ['you are', ({ viewer: { role, apiClient } }) => `${apiClient?.name ?? 'unknown'} (${role})`],
  ],
}

/** `valhalla status` and `valhalla system ...` */
export function addSystemCommands(program: Command): void {
  does(program.command('status').description('Show how the control plane is, and who you are to it.'), async (cli) => {
    const { url } = await cli.target()
    await cli.out.object({ url, ...(await cli.ask(STATUS, {})) }, view)
  })
  const system = program.command('system').description("The system's own version and completion.")
  addWrite(system, {
    name: 'version [version]',
    step: 'updateSystemVersion',
    takes: ['version'],
    toInput: ([version]) => ({ version }),
  })
  addWrite(system, { name: 'complete', step: 'markBackendComplete', takes: [], toInput: () => ({}) })
  addWrite(system, { name: 'incomplete', step: 'markBackendIncomplete', takes: [], toInput: () => ({}) })
}
