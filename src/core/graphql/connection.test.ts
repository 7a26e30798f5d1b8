import { describe, expect, it } from 'vitest'
import { encodeCursor, type PageArgs, pageOfRows } from './connection.js'

const LETTERS = ['a', 'b', 'c', 'd']
let counted = 0

const page = (args: PageArgs) =>
  pageOfRows(args, {
    list: 'Letter',
    cursorOf: (letter: string) => letter,
    placeOf: (text: string) => (/^[a-z]$/.test(text) ? text : undefined),
    rows: async (take: number, after = '') => LETTERS.filter((letter) => letter > after).slice(0, take),
    totalCount: () => (counted += 1),
  })

describe('a page of rows', () => {
  it('holds as many as were asked for, and says what is before and behind it', async () => {
    const first = await page({ first: 3 })
    expect(first.nodes).toEqual(['a', 'b', 'c'])
    expect(first.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false })
    const last = await page({ first: 3, after: first.pageInfo.endCursor })
    expect(last.nodes).toEqual(['d'])
    expect(last.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true })
    expect((await page({ first: 4 })).pageInfo.hasNextPage).toBe(false)
  })

  it('of no items says all the same whether there are some', async () => {
    const { nodes, pageInfo } = await page({ first: 0 })
    expect({ nodes, ...pageInfo }).toEqual({ nodes: [], hasNextPage: true, hasPreviousPage: false, startCursor: null, endCursor: null })
    expect((await page({ first: 0, after: encodeCursor('Letter', 'd') })).pageInfo.hasNextPage).toBe(false)
  })

  it('is only counted when somebody asks', async () => {
    counted = 0
    const { totalCount } = await page({})
    expect(counted).toBe(0)
    expect(totalCount()).toBe(1)
  })

  it.each([
    { first: -1 },
    { first: 101 },
    { after: 'nonsense' },
    { after: encodeCursor('Word', 'a') },
    { after: encodeCursor('Letter', '1') },
    { after: `${encodeCursor('Letter', 'a')}=` },
  ])('is refused for %j', async (args) => {
    await expect(page(args)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
  })
})
