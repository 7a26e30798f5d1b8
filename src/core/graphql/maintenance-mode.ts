import { registerEnumType } from 'type-graphql'
import { MAINTENANCE_MODES } from '../contract/operation.js'
import { enumOf } from './scalars.js'

/** The GraphQL enum of modes, for every pack that shows one. */
export const MaintenanceModes = enumOf(MAINTENANCE_MODES)
registerEnumType(MaintenanceModes, {
  name: 'MaintenanceMode',
  description: 'What the control plane lets through.',
  valuesConfig: {
    NORMAL: { description: 'Everything, as the role allows.' },
    READ_ONLY: { description: 'Reading as always. Changes are refused, but for those that lead out of it and those that take keys away.' },
    MAINTENANCE: {
      description:
        'As READ_ONLY, and reading only for OPERATOR, ADMIN and HEIMDALL clients. Evaluation and the state itself are answered to all.',
    },
  },
})
