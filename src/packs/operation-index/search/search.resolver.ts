import { Arg, Ctx, Int, Query, Resolver } from 'type-graphql'
import { AppError } from '../../../core/contract/errors.js'
import { Operation } from '../../../core/contract/operation.js'
import { Holds } from '../../../core/graphql/bounds/list-length.js'
import { MAX_PAGE, pageSize } from '../../../core/graphql/connection.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { search } from './search.js'
import { SearchHit } from './search.types.js'

/** To search for everything by a text. */
export const SEARCH = 'search:read'

/** Hits that are shown when nobody says how many. */
const USUAL_HITS = 8
/** Longest text, in characters. */
const MAX_TEXT = 200

@Resolver()
export class SearchResolver {
  @Query(() => [SearchHit], {
    description:
      'Finds flags, entries, clients, rate limits, windows, checks and operations by a text, the best hit first: what is called so, then what begins with it, then what holds it. Every word has to stand in the title, the subtitle or the id; letter case does not matter. What is gone is found by `changes` with `search`.',
  })
  @Operation({ permission: SEARCH, cost: 2, sample: 'text: "example"' })
  @Holds(({ first }) => Math.min(Number(first ?? USUAL_HITS), MAX_PAGE))
  search(
    @Ctx() context: RequestContext,
    @Arg('text', () => String, { description: `The text, at most ${MAX_TEXT} characters.` }) text: string,
    @Arg('first', () => Int, { nullable: true, defaultValue: USUAL_HITS, description: `How many hits, 0 to ${MAX_PAGE}.` })
    first?: number | null,
  ): Promise<readonly SearchHit[]> {
    if (text.length > MAX_TEXT)
      throw new AppError('BAD_USER_INPUT', `The argument \`text\` must have at most ${MAX_TEXT} characters, has ${text.length}.`)
    return search(context, text, pageSize({ first: first ?? USUAL_HITS }))
  }
}
