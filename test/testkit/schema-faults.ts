import { expect } from 'vitest'
import type { Json } from '../../src/core/values/json.js'
import { validateSchema, validateValue } from '../../src/packs/config-registry/schema/value-schema.js'

/** Field and message of each fault of a schema, or of a value that is checked by it, in short: without the message's "This" and full stop. */
export function faultsOf(schema: Json, value?: Json): string[] {
  const errors = value === undefined ? validateSchema(schema) : validateValue(schema, value)
  expect(errors.every(({ code }) => code === 'INVALID')).toBe(true)
  return errors.map(({ field, message }) => {
    expect(message).toMatch(/^This .*\.$/s)
    return `${field?.join(' ')}: ${message.slice('This '.length, -'.'.length)}`
  })
}

/** A schema with a bit of everything. */
export const SERVICE = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://example.org/service.json',
  title: 'A service',
  $defs: { port: { type: 'integer', minimum: 1, maximum: 65_535 } },
  type: 'object',
  properties: {
    host: { type: 'string', format: 'hostname', description: 'Where it runs' },
    port: { $ref: '#/$defs/port' },
    tags: { type: 'array', items: { type: 'string', pattern: '^[a-z]+$' }, uniqueItems: true, maxItems: 3 },
    mode: { enum: ['fast', 'safe'] },
    limits: { type: 'object', additionalProperties: { type: ['number', 'null'] }, propertyNames: { pattern: '^max' } },
  },
  required: ['host'],
  additionalProperties: false,
  'x-owner': 'platform',
} satisfies Json
