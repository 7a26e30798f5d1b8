import { GraphQLScalarType } from 'graphql'
import { GraphQLDateTimeISO, GraphQLJSON, GraphQLSemVer, GraphQLURL } from 'graphql-scalars'
import { registerEnumType } from 'type-graphql'
import { isoText } from '../values/iso-text.js'

/** Gives a scalar of the library the words that a person in Sandbox needs. */
function described(scalar: GraphQLScalarType, description: string): GraphQLScalarType {
  return new GraphQLScalarType({ ...scalar.toConfig(), description })
}

/** A moment, as `Date` in the code. */
export const DateTimeISO = described(GraphQLDateTimeISO, 'A moment as an ISO 8601 date-time in UTC, such as "2026-01-31T12:00:00.000Z".')
const serialize = DateTimeISO.serialize
DateTimeISO.serialize = (value) => (value instanceof Date && !Number.isNaN(value.getTime()) ? isoText(value) : serialize(value))

/** Any JSON value. */
export const JSONValue = described(GraphQLJSON, 'Any JSON value: object, array, string, number, boolean or null.')

/** A version by Semantic Versioning 2.0.0. */
export const SemVer = described(GraphQLSemVer, 'A version by Semantic Versioning 2.0.0, such as "1.4.0" or "2.0.0-rc.1+build.5".')

/** An absolute URL; `URL` in the code when it comes in, text when it goes out. */
export const URLValue = described(GraphQLURL, 'An absolute URL, such as "https://control.example.com".')

/** Makes the GraphQL enum of names: each has its words for a person in Sandbox. */
export function enumType<N extends string>(
  name: string,
  description: string,
  words: Readonly<Record<N, string>>,
): { readonly [K in N]: K } {
  const names = Object.keys(words) as N[]
  const type = Object.fromEntries(names.map((value) => [value, value])) as { readonly [K in N]: K }
  const valuesConfig = Object.fromEntries(names.map((value) => [value, { description: words[value] }])) as Record<
    N,
    { description: string }
  >
  registerEnumType(type, { name, description, valuesConfig })
  return type
}

/** A name as the name of a type: `setConfig` -> `SetConfig`. */
export function capitalized(name: string): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`
}
