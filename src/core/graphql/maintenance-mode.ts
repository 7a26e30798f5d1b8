import type { MaintenanceModeName } from '../contract/operation.js'
import { enumType } from './scalars.js'

/** The GraphQL enum of modes, for every pack that shows one. */
export const MaintenanceModes = enumType<MaintenanceModeName>('MaintenanceMode', 'What the control plane lets through.', {
  NORMAL: 'Everything, as the role allows.',
  READ_ONLY: 'Reading as always. Changes are refused, but for those that lead out of it and those that take keys away.',
  MAINTENANCE:
    'As READ_ONLY, and reading only for OPERATOR, ADMIN and HEIMDALL clients. Evaluation and the state itself are answered to all.',
})
