import { Field, Int, ObjectType } from 'type-graphql'
import { MAX_LENGTH } from '../../core/graphql/bounds/list-length.js'
import { walk } from '../../core/graphql/bounds/turns.js'
import type { Snapshot } from '../../core/state/snapshot.js'
import { configEntryCollection } from './config-entry.collection.js'

/** What keys are split at. */
const SLASH = '/'
/** The character right behind it: the least that follows every key of a folder. */
const BEHIND_SLASH = '0'

/** One step down the tree of keys. */
@ObjectType('ConfigPrefix', { simpleResolvers: true, description: 'One branch or leaf of the tree that the slashes in keys make.' })
export class ConfigPrefix {
  @Field(() => String, { description: 'What follows the prefix in the key, up to the next slash.' })
  name!: string
  @Field(() => Int, { description: 'How many entries there are at it or below.' })
  entries!: number
  @Field(() => Boolean, {
    description: 'Whether it is a folder: ask again with its name and a slash behind the prefix. Otherwise it is an entry.',
  })
  isFolder!: boolean
}

/** Behind which key the next branch or leaf begins. */
function endOf(prefix: string, key: string): string {
  const slash = key.indexOf(SLASH, prefix.length)
  return slash < 0 ? key : `${key.slice(0, slash)}${BEHIND_SLASH}`
}

/**
 * How many branches and leaves there are at a prefix: each costs a look-up, however many entries it has. Ends with the first one that
 * is more than a call may ask for, since nobody gets a turn meanwhile.
 */
export function countPrefixes(snapshot: Snapshot, prefix: string): number {
  const entries = snapshot.view(configEntryCollection)
  let count = 0
  let key = entries.get(prefix)?.key ?? entries.values(prefix).next().value?.key
  while (count <= MAX_LENGTH && key?.startsWith(prefix)) {
    count += 1
    const end = endOf(prefix, key)
    key = (end === key ? undefined : entries.get(end)?.key) ?? entries.values(end).next().value?.key
  }
  return count
}

/** The branches and leaves at a prefix in the order of their keys, counted in one walk over what is below. */
export async function prefixesOf(snapshot: Snapshot, prefix: string): Promise<ConfigPrefix[]> {
  const entries = snapshot.view(configEntryCollection)
  const found: ConfigPrefix[] = []
  const whole = entries.get(prefix)
  if (whole) found.push({ name: '', entries: 1, isFolder: false })
  await walk(entries.values(prefix), ({ key }) => {
    if (!key.startsWith(prefix)) return false
    const slash = key.indexOf(SLASH, prefix.length)
    const [name, isFolder] = [key.slice(prefix.length, slash < 0 ? undefined : slash), slash >= 0]
    const last = found.at(-1)
    if (last?.name === name && last.isFolder && isFolder) last.entries += 1
    else found.push({ name, entries: 1, isFolder })
    return true
  })
  return found
}
