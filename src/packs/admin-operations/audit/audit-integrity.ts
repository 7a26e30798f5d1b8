import { Field, Int, ObjectType } from 'type-graphql'
import type { CoreServices } from '../../../core/contract/core-services.js'
import { verifyChain } from '../../../core/ledger/digest.js'

/** Whether the log is what was written. */
@ObjectType('AuditIntegrity', {
  simpleResolvers: true,
  description: 'Whether the change log is what was once written: every row is linked to the one before it by a keyed digest.',
})
export class AuditIntegrity {
  @Field(() => Boolean, {
    description: 'Whether every link holds, the last one is the head, and nothing stands before or behind the chain.',
  })
  isIntact!: boolean
  @Field(() => Int, { description: 'How many revisions were walked over: those from the beginning of the log, or from its checkpoint.' })
  checkedRevisions!: number
  @Field(() => Int, { nullable: true, description: 'The first revision that is not as it was written; null when all are.' })
  firstBrokenRevision!: number | null
  @Field(() => Int, { description: 'The newest revision.' })
  headRevision!: number
  @Field(() => String, { description: 'The digest of the newest change, in hex. Keep it elsewhere, and a cut tail cannot hide.' })
  headDigest!: string
}

/** Walks over the log. One walk at a time: whoever asks meanwhile gets the same answer. */
export class AuditIntegrityCheck {
  readonly #core: Pick<CoreServices, 'changeLog' | 'settings'>
  #underWay: Promise<AuditIntegrity> | undefined

  constructor(core: Pick<CoreServices, 'changeLog' | 'settings'>) {
    this.#core = core
  }

  run(): Promise<AuditIntegrity> {
    this.#underWay ??= this.#walk().finally(() => {
      this.#underWay = undefined
    })
    return this.#underWay
  }

  async #walk(): Promise<AuditIntegrity> {
    const { changeLog, settings } = this.#core
    for (;;) {
      const bounds = await changeLog.bounds()
      const { start, head } = bounds
      const verdict = await verifyChain(
        settings.auditKey ?? '',
        bounds,
        changeLog.stream({ sinceRevision: start.revision, untilRevision: head.revision }),
      )
      // The log may have been shortened under the walk: then its beginning is elsewhere, and the walk begins again.
      if (verdict.isIntact || (await changeLog.bounds()).start.revision === start.revision) {
        return { ...verdict, headRevision: head.revision, headDigest: head.digest }
      }
    }
  }
}

/** The one check of a server. */
export const auditIntegrityCheck = (core: CoreServices): AuditIntegrityCheck => new AuditIntegrityCheck(core)
