import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Part, pin } from './machine.js'

/** A process of its own that does one kind of job, so that it does not share a thread with what it measures. */
export interface Child<Job, Result> {
  /** Throws Error with the message of what went wrong in the child. */
  ask(job: Job): Promise<Result>
  /** Lets the child end by itself. */
  stop(): Promise<void>
}

interface Request<Job> {
  readonly id: number
  readonly job: Job
}

type Response<Result> = { readonly id: number; readonly result: Result } | { readonly id: number; readonly fault: string }

interface Waiting<Result> {
  resolve(result: Result): void
  reject(error: Error): void
}

let lastId = 0

/** Starts `module` (a sibling of this file, such as `./load-process.js`), which calls {@link answerJobs}, on the processor for `part`. */
export function startChild<Job, Result>(module: string, args: readonly string[] = [], part: Part = 'load'): Child<Job, Result> {
  const path = fileURLToPath(new URL(module.replace(/\.js$/, '.ts'), import.meta.url))
  const process = fork(path, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  pin(Number(process.pid), part)
  const waiting = new Map<number, Waiting<Result>>()
  const ended = new Promise<void>((resolve) => process.once('exit', () => resolve()))
  process.on('message', (message: unknown) => {
    const response = message as Response<Result>
    const call = waiting.get(response.id)
    waiting.delete(response.id)
    if ('fault' in response) call?.reject(new Error(response.fault))
    else call?.resolve(response.result)
  })
  process.once('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`${module} ended with status ${code}`))
    waiting.clear()
  })
  return { ask: (job) => askChild(process, waiting, job), stop: () => stopChild(process, ended) }
}

function askChild<Job, Result>(process: ChildProcess, waiting: Map<number, Waiting<Result>>, job: Job): Promise<Result> {
  return new Promise((resolve, reject) => {
    lastId += 1
    const id = lastId
    waiting.set(id, { resolve, reject })
    process.send({ id, job } satisfies Request<Job>, (error) => {
      if (!error) return
      waiting.delete(id)
      reject(error)
    })
  })
}

function stopChild(process: ChildProcess, ended: Promise<void>): Promise<void> {
  if (process.connected) process.disconnect()
  return ended
}

/** Does jobs for the process that started this one, side by side, until that lets go of it; then closes. */
export function answerJobs<Job, Result>(work: (job: Job) => Promise<Result>, close: () => Promise<void> = async () => undefined): void {
  process.on('message', (message: unknown) => {
    const { id, job } = message as Request<Job>
    const send = (response: Response<Result>): void => void process.send?.(response)
    work(job).then(
      (result) => send({ id, result }),
      (error: unknown) => send({ id, fault: error instanceof Error ? error.message : String(error) }),
    )
  })
  process.once('disconnect', () => {
    close().catch((error: unknown) => {
      console.error(error)
      process.exitCode = 1
    })
  })
}
