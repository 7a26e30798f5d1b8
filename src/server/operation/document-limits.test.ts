import fc from 'fast-check'
import { getIntrospectionQuery, parse } from 'graphql'
import { describe, expect, it } from 'vitest'
import { DOCUMENT_LIMITS, findBrokenLimits } from './document-limits.js'
import { FIRST_DOCUMENT } from './engine.js'

/** The limits that a document breaks, with what it has of them. */
function broken(document: string): Record<string, unknown> {
  const faults = findBrokenLimits(parse(document, { maxTokens: DOCUMENT_LIMITS.tokens }))
  return Object.fromEntries(faults.map(({ extensions }) => [extensions['limit'], extensions['actual']]))
}

const nested = (depth: number): string => `${'{ node '.repeat(depth - 1)}{ leaf }${' }'.repeat(depth - 1)}`
const aliases = (count: number): string => Array.from({ length: count }, (_, index) => `a${index}: __typename`).join(' ')

describe('limits of a document', () => {
  it('lets a document through that has exactly what is allowed', () => {
    expect(broken(nested(DOCUMENT_LIMITS.depth))).toEqual({})
    expect(broken(`{ node { ${aliases(DOCUMENT_LIMITS.aliases)} } }`)).toEqual({})
    expect(broken(`{ ${'leaf '.repeat(DOCUMENT_LIMITS.rootFields)} }`)).toEqual({})
    expect(broken(`{ leaf ${'@include(if: true) '.repeat(DOCUMENT_LIMITS.directives)} }`)).toEqual({})
  })

  it.each([
    ['depth', nested(DOCUMENT_LIMITS.depth + 1), DOCUMENT_LIMITS.depth + 1],
    ['pages', `{ rules { nodes { snapshots { edges { node { rule { snapshots { nodes { key } } } } } } } } }`, 3],
    ['pages', `{ rules { list: nodes { snapshots { list: nodes { rule { snapshots { list: nodes { key } } } } } } } }`, 3],
    ['aliases', `{ node { ${aliases(DOCUMENT_LIMITS.aliases + 1)} } }`, DOCUMENT_LIMITS.aliases + 1],
    ['rootFields', `{ ${'leaf '.repeat(DOCUMENT_LIMITS.rootFields + 1)} }`, DOCUMENT_LIMITS.rootFields + 1],
    ['directives', `{ leaf ${'@include(if: true) '.repeat(DOCUMENT_LIMITS.directives + 1)} }`, DOCUMENT_LIMITS.directives + 1],
    ['directives', `query ($b: Int @a) ${'@a '.repeat(DOCUMENT_LIMITS.directives)} { leaf }`, DOCUMENT_LIMITS.directives + 1],
    ['fields', `{ node { ${'leaf '.repeat(DOCUMENT_LIMITS.fields)} } }`, DOCUMENT_LIMITS.fields + 1],
  ])('refuses one %s too many', (limit, document, actual) => {
    expect(broken(document)).toEqual({ [limit]: actual })
  })

  it('counts pages along a path only, and through fragments', () => {
    const history = 'history { nodes { actor { apiClient { lastChange { reason } } } } edges { cursor } }'
    expect(broken(`{ flags { nodes { ${history} } edges { node { ${history} } } } rules { nodes { key } totalCount } }`)).toEqual({})
    const fragments =
      'fragment S on Rule { snapshots { nodes { rule { ...T } } } } fragment T on Rule { snapshots { ... on Page { nodes { key } } } }'
    expect(broken(`{ rules { nodes { ...T } } } ${fragments}`)).toEqual({})
    expect(broken(`{ rules { nodes { ...S } } } ${fragments}`)).toEqual({ pages: 3 })
  })

  it.each([
    'subscription ($b: Boolean!) { changes @skip(if: $b) { id } }',
    'subscription ($b: Boolean!) { ...A } fragment A on Subscription { ... on Subscription { changes @include(if: $b) { id } } ...A }',
    'subscription ($b: Boolean!) { ... @include(if: $b) { changes { id } } }',
  ])('refuses a subscription that may be none, which graphql-js cannot validate: %s', (text) => {
    expect(findBrokenLimits(parse(text)).map(({ extensions }) => extensions)).toEqual([{ code: 'GRAPHQL_VALIDATION_FAILED' }])
    expect(findBrokenLimits(parse(text.replace(/@(skip|include)\(if: \$b\)/, '').replace('changes', 'changes(a: 1)')))).toEqual([])
  })

  it('says which limit, what is allowed and what there is', () => {
    const [fault] = findBrokenLimits(parse(nested(13)))
    expect(fault?.message).toBe('The operation has 13 levels of fields (fragments written out); at most 12 are allowed.')
    expect(fault?.extensions).toEqual({ code: 'GRAPHQL_VALIDATION_FAILED', limit: 'depth', allowed: 12, actual: 13 })
  })

  it('counts what stands in fragments, once for every use', () => {
    expect(broken(`{ node { ...A } } fragment A on Node { node { ...B } } fragment B on Node ${nested(11)}`)).toEqual({ depth: 13 })
    expect(broken(`{ ...R ...R } fragment R on Query { ${'leaf '.repeat(11)} }`)).toEqual({ rootFields: 22 })
    const spreads = Array.from({ length: 4 }, (_, index) => `b${index}: node { ...A }`).join(' ')
    expect(broken(`{ ${spreads} } fragment A on Node { ${aliases(10)} }`)).toEqual({ aliases: 44 })
    expect(broken(`{ ... on Query { ... on Query ${nested(13)} } }`)).toEqual({ depth: 13 })
  })

  it('measures a document of doubling fragments without doubling the work', () => {
    const levels = 60
    const fragments = Array.from({ length: levels }, (_, n) => `fragment F${n} on Node { node { ...F${n + 1} ...F${n + 1} } }`).join(' ')
    // Doubled, this would not be over in the lifetime of the universe.
    expect(broken(`{ node { ...F0 } } ${fragments} fragment F${levels} on Node { leaf }`)).toMatchObject({ depth: levels + 2 })
  })

  it('counts fields that nobody uses, since they are validated all the same', () => {
    const fragment = (count: number): string => `fragment F on Node { ${'leaf '.repeat(count)} }`
    expect(broken(`{ leaf } ${fragment(DOCUMENT_LIMITS.fields - 1)}`)).toEqual({})
    expect(broken(`{ leaf } ${fragment(DOCUMENT_LIMITS.fields)}`)).toEqual({ fields: DOCUMENT_LIMITS.fields + 1 })
    expect(broken(`{ leaf } ${fragment(300)} ${fragment(300)}`)).toEqual({ fields: 601 })
  })

  it('ends on fragments that use each other', () => {
    expect(broken('{ node { ...A } } fragment A on Node { node { ...B } } fragment B on Node { node { ...A } }')).toEqual({})
  })

  it('measures every operation of a document by itself', () => {
    const half = `{ node { ${aliases(DOCUMENT_LIMITS.aliases)} } }`
    expect(broken(`query A ${half} query B ${half}`)).toEqual({})
  })

  it('lets the standard introspection query and the first document of Sandbox through', () => {
    const introspection = getIntrospectionQuery({
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      schemaDescription: true,
      inputValueDeprecation: true,
      oneOf: true,
    })
    expect(broken(introspection)).toEqual({})
    expect(broken(FIRST_DOCUMENT)).toEqual({})
  })

  it('bounds introspection too, however it is spread over fragments', () => {
    const types = (depth: number): string => `${'ofType { '.repeat(depth)} name ${'}'.repeat(depth)}`
    expect(broken(`{ __type(name: "A") { ${types(19)} } }`)).toEqual({})
    expect(broken(`{ __type(name: "A") { ...T } } fragment T on __Type { ${types(20)} }`)).toEqual({ introspectionDepth: 21 })
  })

  it('counts as many aliases and levels as were put in, wherever fragments are cut out', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 40 }), (levels) => {
        let body = 'leaf'
        const fragments: string[] = []
        for (const [index, [isAliased, isFragment]] of levels.entries()) {
          const level = `${isAliased ? `a${index}: ` : ''}node { ${body} }`
          if (isFragment) fragments.push(`fragment F${index} on Node { ${level} }`)
          body = isFragment ? `...F${index}` : level
        }
        const depth = levels.length + 2
        const count = levels.filter(([isAliased]) => isAliased).length
        expect(broken(`{ node { ${body} } } ${fragments.join(' ')}`)).toEqual({
          ...(depth > DOCUMENT_LIMITS.depth ? { depth } : {}),
          ...(count > DOCUMENT_LIMITS.aliases ? { aliases: count } : {}),
        })
      }),
    )
  })
})
