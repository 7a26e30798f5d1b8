import type { EvaluationContext } from './evaluation.js'

/**
 * The text of a context field, or undefined when it is absent. A named field comes first; else the property of that
 * name, an own one only, so that `constructor` or `toString` are not found on an object's prototype. Numbers and
 * booleans become text; lists and objects are no value to compare. `currentTime` defaults to `now`, in ISO 8601.
 */
export function readContextField(context: EvaluationContext, field: string, now: Date): string | undefined {
  return toText(readNamedField(context, field, now)) ?? readProperty(context, field)
}

function readNamedField(context: EvaluationContext, field: string, now: Date): unknown {
  switch (field) {
    case 'userId':
      return context.userId
    case 'targetingKey':
      return context.targetingKey
    case 'sessionId':
      return context.sessionId
    case 'remoteAddress':
      return context.remoteAddress
    case 'environment':
      return context.environment
    case 'appName':
      return context.appName
    case 'currentTime':
      return toIsoText(context.currentTime ?? now)
    default:
      return undefined
  }
}

function readProperty(context: EvaluationContext, field: string): string | undefined {
  const properties: unknown = context.properties
  if (!isPropertyBag(properties) || !Object.hasOwn(properties, field)) return undefined
  return toText(properties[field])
}

/** Whether a value can be the `properties` of a context: texts and lists have fields too, such as `length`, that nobody gave. */
export function isPropertyBag(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function toText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return undefined
}

/** Date#toISOString throws for an invalid date; here such a date counts as absent. */
function toIsoText(date: Date): string | undefined {
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}
