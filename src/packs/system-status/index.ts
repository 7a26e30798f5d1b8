import { definePack } from '../../core/contract/pack.js'
import { STATUS_READ, STATUS_SUMMARY, STATUS_WRITE, systemMetadataCollection } from './system-metadata.collection.js'
import { initialiseSystemStatus } from './system-status.commands.js'
import { SystemStatusResolver } from './system-status.resolver.js'
import { systemStatusWrites } from './system-status.writes.js'

/** W: how far the system is, and which packs it has. */
export const systemStatus = definePack({
  id: 'W',
  collections: [systemMetadataCollection],
  permissions: { [STATUS_SUMMARY]: 'EVALUATOR', [STATUS_READ]: 'OBSERVER', [STATUS_WRITE]: 'OPERATOR' },
  writes: systemStatusWrites,
  resolvers: [SystemStatusResolver],
  async prepare({ ledger }, caller) {
    await ledger.commit({ command: initialiseSystemStatus, input: {}, caller, correlationId: 'start', reason: 'first start' })
  },
})
