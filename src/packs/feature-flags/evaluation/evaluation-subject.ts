import type { SemVer } from 'semver'
import { readContextField } from './context-field.js'
import type { EvaluationContext } from './evaluation.js'
import { parseVersion } from './values.js'

/** Whom flags are evaluated for, and when: the same for all flags of one call. */
export class EvaluationSubject {
  readonly context: EvaluationContext
  readonly #now: Date
  #versions: Map<string, SemVer | undefined> | undefined

  constructor(context: EvaluationContext, now: Date) {
    this.context = context
    this.#now = now
  }

  /** `currentTime`, in milliseconds since 1970. */
  get timeMs(): number {
    return (this.context.currentTime ?? this.#now).getTime()
  }

  /** See {@link readContextField}. */
  text(field: string): string | undefined {
    return readContextField(this.context, field, this.#now)
  }

  /** A field as a version, undefined where it is none. It is parsed once: many flags ask for the same version of an application. */
  version(field: string): SemVer | undefined {
    this.#versions ??= new Map()
    if (this.#versions.has(field)) return this.#versions.get(field)
    const text = this.text(field)
    const version = text === undefined ? undefined : parseVersion(text)
    this.#versions.set(field, version)
    return version
  }
}
