import { Field, Int, ObjectType } from 'type-graphql'
import type { MaintenanceModeName } from '../../../core/contract/operation.js'
import { MaintenanceModes } from '../../../core/graphql/maintenance-mode.js'
import { DateTimeISO, enumType } from '../../../core/graphql/scalars.js'
import { AuditIntegrity } from './audit-integrity.js'

/** How bad a finding is. */
export const FINDING_SEVERITIES = ['INFO', 'WARNING', 'CRITICAL'] as const
export type FindingSeverityName = (typeof FINDING_SEVERITIES)[number]

/** The GraphQL enum of severities. */
export const FindingSeverities = enumType<FindingSeverityName>('FindingSeverity', 'How much a finding matters.', {
  INFO: 'Worth knowing.',
  WARNING: 'Should be mended.',
  CRITICAL: 'Has to be mended now.',
})

/** One finding. */
@ObjectType('SecurityFinding', {
  simpleResolvers: true,
  description: 'One thing about the security of this control plane that somebody should look at.',
})
export class SecurityFinding {
  @Field(() => FindingSeverities, { description: 'How much it matters.' })
  severity!: FindingSeverityName
  @Field(() => String, { description: 'What it is, to branch on, such as "NO_PEPPER".' })
  code!: string
  @Field(() => String, { description: 'What it is and what to do, for a person.' })
  message!: string
}

/** The whole picture. */
@ObjectType('SecuritySnapshot', { simpleResolvers: true, description: 'How safe the control plane stands right now.' })
export class SecuritySnapshot {
  @Field(() => DateTimeISO, { description: 'When this was looked at.' })
  takenAt!: Date
  @Field(() => Int, { description: 'Clients whose keys work.' })
  activeClients!: number
  @Field(() => Int, { description: 'Clients that were deactivated or have expired.' })
  inactiveClients!: number
  @Field(() => Int, { description: 'Active clients with the role ADMIN.' })
  activeAdmins!: number
  @Field(() => Int, { description: 'Active clients that expire within 30 days.' })
  keysExpiringSoon!: number
  @Field(() => Int, { description: 'Active clients that were never used.' })
  keysNeverUsed!: number
  @Field(() => Int, { description: 'Calls that were denied within the last hour, of known clients.' })
  deniedCallsLastHour!: number
  @Field(() => Int, { description: 'Failed authentications within the last hour.' })
  failedAuthenticationsLastHour!: number
  @Field(() => Int, { description: 'Calls that a rate limit denied within the last hour.' })
  rateLimitDenialsLastHour!: number
  @Field(() => MaintenanceModes, { description: 'The mode that is in force.' })
  maintenanceMode!: MaintenanceModeName
  @Field(() => Boolean, { description: 'Whether the schema can be read without a key (on a loopback address in development).' })
  isIntrospectionOpen!: boolean
  @Field(() => AuditIntegrity, { description: 'Whether the change log is what was once written.' })
  auditIntegrity!: AuditIntegrity
  @Field(() => [SecurityFinding], { description: 'What somebody should look at, the worst first.' })
  findings!: readonly SecurityFinding[]
}
