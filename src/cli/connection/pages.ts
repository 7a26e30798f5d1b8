/** One page of a list. */
export interface Page<T> {
  readonly nodes: readonly T[]
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null }
}

/** Longest page that the server gives. */
const PAGE = 100

/** Reads a list page by page, up to `limit` items. */
export async function readPages<T>(limit: number, read: (first: number, after: string | null) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = []
  for (let after: string | null = null; items.length < limit; ) {
    const { nodes, pageInfo } = await read(Math.min(PAGE, limit - items.length), after)
    items.push(...nodes)
    if (!pageInfo.hasNextPage) break
    after = pageInfo.endCursor
  }
  return items
}
