/** One instruction of a Dockerfile. */
export interface Instruction {
  /** In capitals, such as `RUN`. */
  readonly name: string
  /** `--from=build` as `{ from: 'build' }`. */
  readonly flags: Readonly<Record<string, string>>
  readonly rest: string
}

/** What begins with a FROM. */
export interface Stage {
  /** What its AS says; `final` for the last one without. */
  readonly name: string
  readonly base: string
  readonly instructions: readonly Instruction[]
}

const KNOWN = ['ARG', 'CMD', 'COPY', 'ENV', 'EXPOSE', 'FROM', 'HEALTHCHECK', 'RUN', 'USER', 'VOLUME', 'WORKDIR']

/** Reads the instructions that this project's Dockerfile uses, one a line. Throws Error for any other. */
export function readStages(text: string): readonly Stage[] {
  const stages: { name: string; base: string; instructions: Instruction[] }[] = []
  const globals: Record<string, string> = {}
  for (const line of text.split('\n').filter((each) => each.trim() !== '' && !each.startsWith('#'))) {
    const instruction = readInstruction(line)
    const { name, rest } = instruction
    if (name === 'FROM') {
      const [, image = '', stage = 'final'] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? []
      stages.push({ name: stage, base: substitute(image, globals), instructions: [] })
    } else if (stages.length > 0) stages.at(-1)?.instructions.push(instruction)
    else Object.assign(globals, readPair(rest))
  }
  return stages
}

function readInstruction(line: string): Instruction {
  const [, name = '', flagTexts = '', rest = ''] = /^([A-Z]+)((?: --[a-z-]+=\S+)*) ?(.*)$/.exec(line) ?? []
  if (!KNOWN.includes(name)) throw new Error(`this line of the Dockerfile is not understood: ${line}`)
  const flags = Object.fromEntries([...flagTexts.matchAll(/--([a-z-]+)=(\S+)/g)].map(([, flag, value]) => [flag, value]))
  return { name, flags, rest }
}

/** `NAME=value` of an ARG or ENV. */
export function readPair(rest: string): Record<string, string> {
  const end = rest.indexOf('=')
  return { [rest.slice(0, end)]: rest.slice(end + 1) }
}

function substitute(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => values[name] ?? '')
}

/** The command of a CMD or HEALTHCHECK in its exec form. */
export function readCommand(rest: string): readonly string[] {
  return JSON.parse(rest.slice(rest.indexOf('['))) as string[]
}
