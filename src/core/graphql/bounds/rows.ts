import { Extensions } from 'type-graphql'

/** Key in a field's extensions. */
const ROWS = 'valhallaReadsRows'

/** Declares that a field leads to rows outside of the snapshot: an operation that asks for it waits for the database. */
export function ReadsRows(): MethodDecorator & PropertyDecorator {
  return Extensions({ [ROWS]: true }) as MethodDecorator & PropertyDecorator
}

/** Whether a built field's extensions say that it leads to rows. */
export function readsRows(extensions: Readonly<Record<string, unknown>> | null | undefined): boolean {
  return extensions?.[ROWS] === true
}
