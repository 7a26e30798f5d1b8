import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { buildSchema, parse, validate } from 'graphql'
import { describe, expect, it } from 'vitest'
import { createProgram } from '../../src/cli/program.js'

const schema = buildSchema(readFileSync('schema.graphql', 'utf8'))

/** Mutations that nobody types, and why. */
const WITHOUT_COMMAND: ReadonlyMap<string, string> = new Map([['reportFlagUsage', 'SDKs send what they have counted.']])

describe('the command line', () => {
  it('has a command for every mutation', () => {
    const reached = new Set(
      commandsOf(createProgram()).flatMap((command) => [...helpOf(command).matchAll(/^Mutation: (\w+)$/gm)].map(([, name]) => name)),
    )
    const mutations = Object.keys(schema.getMutationType()?.getFields() ?? {})
    expect(mutations.filter((name) => !reached.has(name) && !WITHOUT_COMMAND.has(name))).toEqual([])
    expect([...reached].filter((name) => !mutations.includes(name ?? ''))).toEqual([])
  })

  it('has a command for every step of an admin operation, which plans and asks', () => {
    const planned = commandsOf(createProgram()).filter((command) => command.options.some(({ long }) => long === '--dry-run'))
    const reached = new Set(planned.flatMap((command) => [...helpOf(command).matchAll(/^Mutation: (\w+)$/gm)].map(([, name]) => name)))
    const steps = schema.getType('AdminStepInput')
    const names = steps && 'getFields' in steps ? Object.keys(steps.getFields()) : []
    expect(names.filter((name) => !reached.has(name))).toEqual([])
  })

  it('describes every command, every argument that is not a name, and every option', () => {
    const silent = commandsOf(createProgram()).flatMap((command) => [
      ...(command.description() === '' && command.name() !== 'complete' ? [command.name()] : []),
      ...command.options.filter(({ description }) => description === '').map(({ flags }) => `${command.name()} ${flags}`),
    ])
    expect(silent).toEqual([])
  })

  it('takes no key as an argument or an option', () => {
    const options = commandsOf(createProgram()).flatMap((command) => command.options.map(({ long }) => long))
    expect(options.filter((long) => /^--(api-)?(key|token|secret|password)$/.test(long ?? ''))).toEqual([])
  })

  it('sends documents that the schema knows', () => {
    const sources = readdirSync('src/cli', { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
    const texts = sources.flatMap((path) =>
      [...readFileSync(join('src/cli', path), 'utf8').matchAll(/graphql\(\s*`([^`]+)`/g)].map(([, text = '']) => text),
    )
    const fragments = texts.filter((text) => text.trim().startsWith('fragment'))
    const operations = texts.filter((text) => !text.trim().startsWith('fragment'))
    const faults = operations.flatMap((text) => {
      const used = fragments.filter((fragment) => text.includes(`...${/fragment (\w+)/.exec(fragment)?.[1]}`))
      return validate(schema, parse([text, ...used].join('\n'))).map(({ message }) => message)
    })
    expect({ faults, isSomeRead: operations.length > 20 }).toEqual({ faults: [], isSomeRead: true })
  })
})

function commandsOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(commandsOf)]
}

/** The help with what stands behind it. */
function helpOf(command: Command): string {
  let text = ''
  const writeOut = (part: string): void => {
    text += part
  }
  command.configureOutput({ writeOut })
  command.outputHelp()
  return text
}
