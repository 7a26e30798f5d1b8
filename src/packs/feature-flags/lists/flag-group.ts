import { Field, Int, ObjectType } from 'type-graphql'
import type { CoreServices } from '../../../core/contract/core-services.js'
import { walk } from '../../../core/graphql/bounds/turns.js'
import type { Snapshot } from '../../../core/state/snapshot.js'
import { featureFlagCollection } from '../feature-flag.collection.js'
import { lastEvaluatedAt } from './flag-use.js'

const DAY_MS = 86_400_000
/** A flag that nobody has asked for in so long counts as unused. */
export const UNUSED_DAYS = 30

/** The flags of one group, counted. */
@ObjectType('FlagGroup', { simpleResolvers: true, description: 'A group of flags, counted.' })
export class FlagGroup {
  @Field(() => String, { description: 'The group.' })
  name!: string
  @Field(() => Int, { description: 'How many flags it has.' })
  flags!: number
  @Field(() => Int, { description: 'How many of them have their main switch on.' })
  enabled!: number
  @Field(() => Int, { description: `How many of them nobody has asked for in the last ${UNUSED_DAYS} days, or ever.` })
  unused!: number
}

/** How many groups there are. */
export function countGroups(snapshot: Snapshot): number {
  return [...snapshot.view(featureFlagCollection).valuesOf('group')].length
}

/** Every group by name, counted in one walk over all flags. */
export async function groupsOf(core: Pick<CoreServices, 'usage' | 'clock'>, snapshot: Snapshot): Promise<FlagGroup[]> {
  const unusedSince = new Date(core.clock.now().getTime() - UNUSED_DAYS * DAY_MS)
  const groups: FlagGroup[] = []
  await walk(snapshot.view(featureFlagCollection).inOrder('group'), ([, flag]) => {
    let group = groups.at(-1)
    if (group?.name !== flag.group) {
      group = { name: flag.group, flags: 0, enabled: 0, unused: 0 }
      groups.push(group)
    }
    group.flags += 1
    if (flag.isEnabled) group.enabled += 1
    const lastAt = lastEvaluatedAt(core, flag)
    if (!lastAt || lastAt < unusedSince) group.unused += 1
    return true
  })
  return groups
}
