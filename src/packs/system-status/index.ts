import type { Pack } from '../../core/contract/pack.js'
import { systemMetadata } from './system-metadata.collection.js'
import { initialiseSystemStatus } from './system-status.commands.js'
import { SystemStatusResolver } from './system-status.resolver.js'

/** W: how far the system is, and which packs it has. */
export const systemStatus: Pack = {
  id: 'W',
  collections: [systemMetadata],
  permissions: { 'status:summary': 'EVALUATOR', 'status:read': 'OBSERVER', 'status:write': 'OPERATOR' },
  resolvers: (core) => [new SystemStatusResolver(core)],
  async prepare({ ledger }, caller) {
    await ledger.commit({ command: initialiseSystemStatus, input: {}, caller, correlationId: 'start', reason: 'first start' })
  },
}
