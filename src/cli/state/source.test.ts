import { describe, expect, it } from 'vitest'
import { faultLine, StateSource } from './source.js'
import { readState } from './state.js'

function faultsOf(text: string): string[] {
  return readState([new StateSource('a.yaml', text)]).faults.map(faultLine)
}

const HEAD = 'apiVersion: valhalla/v1\n'

describe('a state file', () => {
  it.each([
    ['a key that is there twice', `${HEAD}flags:\n  a: {}\n  a: {}\n`, ['a.yaml:4:3: this key is there twice: keep one of them']],
    ['an alias', `${HEAD}flags:\n  a: &x {}\n  b: *x\n`, ['a.yaml:4:6: aliases are not taken: write it out']],
    [
      'a key that YAML reads as a number',
      `${HEAD}configs:\n  1.20: { value: 1 }\n`,
      ['a.yaml:3:3: a key has to be a text: write "1.20" in quotes'],
    ],
    ['a key that YAML reads as a truth', `${HEAD}flags:\n  true: {}\n`, ['a.yaml:3:3: a key has to be a text: write "true" in quotes']],
    [
      'an integer beyond 2^53',
      `${HEAD}configs:\n  a: { value: 9007199254740993 }\n`,
      ['a.yaml:3:15: 9007199254740993 is beyond 2^53, and would be rounded: write it as a text, in quotes'],
    ],
    ['a number that JSON lacks', `${HEAD}configs:\n  a: { value: .inf }\n`, ['a.yaml:3:15: .inf is no number of JSON']],
    ['a tag', `${HEAD}configs:\n  a: { value: !!binary aGk= }\n`, ['a.yaml:3:24: tags such as tag:yaml.org,2002:binary are not taken']],
    [
      'an unknown field',
      `${HEAD}flags:\n  a:\n    enabled: true\n`,
      ['a.yaml:4:5: there is no field "enabled" here; there are description, group, isEnabled, strategies, variants'],
    ],
    [
      'an unknown field of a constraint',
      `${HEAD}flags:\n  a:\n    strategies:\n      - constraints:\n          - { contextField: x, operator: IN, values: [], not: 1 }\n`,
      ['a.yaml:6:58: there is no field "not" here; there are contextField, isCaseInsensitive, isInverted, operator, values'],
    ],
    ['a wrong type', `${HEAD}flags:\n  a: { isEnabled: "yes" }\n`, ['a.yaml:3:8: this must be true or false']],
    ['a wrong word', `${HEAD}smokeChecks:\n  a: { kind: FTP }\n`, ['a.yaml:3:8: this must be one of GRAPHQL, HTTP, PROCESS']],
    ['a value that is missing', `${HEAD}configs:\n  a: { description: x }\n`, ['a.yaml:3:3: value is missing']],
    [
      'a rate limit without a scope',
      `${HEAD}rateLimits:\n  web: {}\n`,
      ['a.yaml:3:3: the key of a rate limit is its scope and its key, such as "GLOBAL *" or "API_KEY client:web-shop"'],
    ],
    ['another version', 'apiVersion: v9\n', ['a.yaml:1:1: apiVersion must be valhalla/v1']],
    ['nothing', '', ['a.yaml:1:1: a state file is an object that begins with "apiVersion: valhalla/v1"']],
    ['two documents', `${HEAD}---\n${HEAD}`, ['a.yaml:2:1: one document a file: what stands behind --- belongs into a file of its own']],
    [
      'a field to leave that there is not',
      `${HEAD}leave: { flags: [isOn] }\n`,
      ['a.yaml:2:18: there is no field "isOn"; there are description, group, isEnabled, strategies, variants'],
    ],
  ])('is refused with file and line for %s', (_what, text, faults) => {
    expect(faultsOf(text)).toEqual(faults)
  })

  it('may be JSON, and duplicate members are found there, too', () => {
    expect(faultsOf('{ "apiVersion": "valhalla/v1",\n "flags": { "a": {}, "b": null } }')).toEqual([])
    expect(faultsOf('{ "apiVersion": "valhalla/v1",\n "flags": { "a": {}, "a": {} } }')).toEqual([
      'a.yaml:2:22: this key is there twice: keep one of them',
    ])
  })

  it('takes large numbers as a server prints them, since they come back as they are', () => {
    for (const number of ['9007199254740992', '-33980233064416910', '1e+21']) {
      const { state, faults } = readState([new StateSource('a.yaml', `${HEAD}configs:\n  a: { value: ${number} }\n`)])
      expect([faults, String(state.objects.configs.get('a')?.object['value'])]).toEqual([[], number])
    }
  })

  it('gives every fault at once', () => {
    expect(faultsOf(`${HEAD}flags:\n  a: { x: 1 }\n  b: { y: 2 }\nnonsense: 1\n`)).toHaveLength(3)
  })

  it('is overlaid by later files object by object, whole objects at a time', () => {
    const base = new StateSource('base.yaml', `${HEAD}flags:\n  a: { description: one, isEnabled: false }\n  b: {}\n`)
    const over = new StateSource('prod.yaml', `${HEAD}flags:\n  a: { description: two }\n`)
    const { state, faults } = readState([base, over])
    expect(faults).toEqual([])
    const [a, b] = ['a', 'b'].map((key) => state.objects.flags.get(key))
    expect([a?.source.file, a?.object['isEnabled'], a?.object['description'], b?.source.file]).toEqual([
      'prod.yaml',
      true,
      'two',
      'base.yaml',
    ])
  })

  it('takes names of every object as they are', () => {
    const { state } = readState([new StateSource('a.yaml', `${HEAD}configs:\n  a: { value: { __proto__: { x: 1 }, constructor: 2 } }\n`)])
    expect(JSON.stringify(state.objects.configs.get('a')?.object['value'])).toBe('{"__proto__":{"x":1},"constructor":2}')
  })
})
