import { stringify } from 'yaml'

/** A value as YAML 1.2: one line for a text without breaks, nothing by reference. */
export function toYaml(value: unknown): string {
  return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 })
}
