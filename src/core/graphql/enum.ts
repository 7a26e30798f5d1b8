/** An enum object for TypeGraphQL (`{ A: 'A', B: 'B' }`) from a list of names. */
export function enumOf<const N extends string>(names: readonly N[]): { readonly [K in N]: K } {
  return Object.fromEntries(names.map((name) => [name, name])) as { readonly [K in N]: K }
}
