import { Extensions } from 'type-graphql'
import type { Snapshot } from '../../state/snapshot.js'

/** How many objects a list without `first` may have: a number, or what follows from the arguments and the state. */
export type ListLength = number | ((args: Readonly<Record<string, unknown>>, snapshot: Snapshot) => number)

/** Most objects that one call may ask for: who counts them for a {@link ListLength} need not count further. */
export const MAX_LENGTH = 10_000

/** What a list counts as that declares nothing: most are parts of one object, such as the strategies of a flag. */
const USUAL_LENGTH = 5

/** Key in a field's extensions. */
const LENGTH = 'valhallaListLength'

/** Declares how many objects a list without `first` counts as in the weight of a document; without it, a few. */
export function Holds(length: ListLength): MethodDecorator & PropertyDecorator {
  return Extensions({ [LENGTH]: length }) as MethodDecorator & PropertyDecorator
}

/** What a built field's extensions say of the length of its list. */
export function lengthOf(extensions: Readonly<Record<string, unknown>> | null | undefined): ListLength {
  return (extensions?.[LENGTH] as ListLength | undefined) ?? USUAL_LENGTH
}
