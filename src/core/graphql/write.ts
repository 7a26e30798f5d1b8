import { Arg, type ClassType, Ctx, Field, ID, InputType, Mutation, Resolver } from 'type-graphql'
import { type UserErrorData, userError } from '../contract/errors.js'
import { Operation, type OperationOptions } from '../contract/operation.js'
import type { PackWrite } from '../contract/write.js'
import type { Collection } from '../state/collection.js'
import { type Command, done, refused } from '../state/command.js'
import { findVersionFaults } from '../state/expectations.js'
import { type EditInput, editInput } from './bases.js'
import type { RequestContext } from './context.js'
import { type PayloadBase, type PayloadObject, payloadOf, submit, toPayload } from './payload.js'
import { capitalized } from './scalars.js'

/** How a mutation is declared: its policy, and its words in the schema. */
interface MutationWords extends Omit<OperationOptions, 'writes'> {
  readonly description: string
  /** What the argument `input` is. */
  readonly takes: string
  /** What it does as a step of an admin operation; left out when it cannot be one. */
  readonly step?: string
}

/** What {@link write} is told of one command. */
export interface WriteDeclaration<I extends object, O> extends MutationWords {
  readonly command: Command<I, O>
  readonly input: ClassType<I>
  /** Whether the whole input may be left out. */
  readonly isInputOptional?: boolean
  /** What the payload shows of the command's value, through `show` where the schema has something else. */
  readonly returns: PayloadObject & { readonly show?: (value: O, context: RequestContext) => unknown }
}

/**
 * Declares a command that clients may call: its mutation (called like the command), its payload, its policy and whether it
 * can be a step of an admin operation.
 */
export function write<I extends object, O>(declaration: WriteDeclaration<I, O>): PackWrite {
  const { command, input, isInputOptional = false, returns, description, takes, step, ...policy } = declaration
  const { name } = command
  const payload = payloadOf(name, returns)

  @Resolver()
  class WriteResolver {
    @Mutation(() => payload, { name, description })
    @Operation({ ...policy, writes: true })
    async write(
      @Ctx() context: RequestContext,
      @Arg('input', () => input, { nullable: isInputOptional, description: takes }) given?: I | null,
    ): Promise<PayloadBase> {
      const submitted = await submit(context, { command, input: given ?? ({} as I) })
      return toPayload(returns.field, submitted, returns.show && ((value) => returns.show?.(value, context)))
    }
  }
  return { name, command, input, step, resolver: WriteResolver }
}

/** What {@link deletion} is told. */
export interface DeletionDeclaration<R extends object> extends MutationWords {
  /** Name of the mutation. */
  readonly name: string
  readonly collection: Collection<R>
  /** What the object is called in sentences. */
  readonly noun: string
  /** What the input is, for the schema. */
  readonly about: string
  /** Why this very object must stay, where it is there; why none of this key can be deleted, where it is not. */
  findFaults?(record: R | undefined, key: string): readonly UserErrorData[]
}

/** Declares the deletion of an object by its key. Its history stays in the change log. */
export function deletion<R extends object>(declaration: DeletionDeclaration<R>): PackWrite {
  const { name, collection, noun, about, findFaults, ...words } = declaration
  const { key: field } = collection
  const type = field === 'id' ? () => ID : () => String
  const Key = capitalized(field)

  @InputType(`${capitalized(name)}Input`, { description: about })
  class DeletionInput extends editInput(noun) {}
  Field(type, { description: field === 'id' ? `The ${noun}'s \`id\`.` : `The ${noun}'s ${field}.` })(DeletionInput.prototype, field)

  const command: Command<EditInput, string> = {
    name,
    isRevertible: true,
    run(draft, input) {
      const key = String((input as Readonly<Record<string, unknown>>)[field])
      const before = draft.get(collection, key)
      const faults = [...(before ? findVersionFaults(collection, before, input.expectedVersion) : []), ...(findFaults?.(before, key) ?? [])]
      if (!before && faults.length === 0)
        faults.push(userError('NOT_FOUND', [field], `There is no ${noun} of this ${field}; nothing had to be deleted.`))
      if (faults.length > 0) return refused(...faults)
      draft.delete(collection, key)
      return done(key)
    },
  }
  const shown = `${Key} of the ${noun} that is gone; null when there are user errors.`
  return write({ ...words, command, input: DeletionInput, returns: { field: `deleted${Key}`, type, description: shown } })
}
