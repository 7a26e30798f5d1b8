import { afterAll, describe, expect, it } from 'vitest'
import { toYaml } from '../../src/cli/output/yaml.js'
import { InexpressibleError } from '../../src/cli/state/import/flag-model.js'
import { importUnleash } from '../../src/cli/state/import/unleash.js'
import { type Conversion, convertFeature } from '../../src/cli/state/import/unleash-converter.js'
import type { Value } from '../../src/cli/state/kinds.js'
import { toDocument } from '../../src/cli/state/print.js'
import { StateSource } from '../../src/cli/state/source.js'
import { readState } from '../../src/cli/state/state.js'
import { evaluateFlag } from '../../src/packs/feature-flags/evaluation/evaluate.js'
import type { EvaluableFlag, EvaluationContext } from '../../src/packs/feature-flags/evaluation/evaluation.js'
import { EvaluationSubject } from '../../src/packs/feature-flags/evaluation/evaluation-subject.js'
import { validateStrategies, validateVariants } from '../../src/packs/feature-flags/flag-validation.js'
import { readSpecifications, type Specification, type SpecificationCase, type UnleashContext } from './unleash-specification.js'

/** Files of which no case can run, and why; all others must run at least one. */
const WHOLLY_INEXPRESSIBLE = new Map([['21-regex-constraint-operators.json', 'every case is about the operator REGEX']])

/** Cases about stored data that our own validation would have refused: they show that it does no harm. */
const REFUSED_BY_VALIDATION = ['F7.invalid-operator', 'F8.invalidSemverWithLeadingV']

const NOW = new Date('2026-01-01T00:00:00.000Z')

/** A case that can run; `conversion` is undefined where the suite asks about a feature that does not exist. */
interface RunnableCase {
  readonly specificationCase: SpecificationCase
  readonly conversion: Conversion | undefined
  /** The same flag by way of `valhalla import` and a state file; undefined where that refuses it. */
  readonly imported: EvaluableFlag | undefined
}

const specifications = readSpecifications()
const inexpressible = new Map<string, string[]>()
const rewritten = new Map<string, number>()
const plans = specifications.map((specification) => ({ specification, runnable: plan(specification) }))
const counts = {
  cases: specifications.reduce((sum, specification) => sum + specification.cases.length, 0),
  run: plans.reduce((sum, { runnable }) => sum + runnable.length, 0),
  passed: 0,
  inexpressible: [...inexpressible.values()].flat().length,
}

/** What `valhalla import unleash` makes of a file, once it was written to a state file and read again; by the names there. */
function importedFlags({ state }: Specification): Map<string, EvaluableFlag> {
  const file = JSON.parse(JSON.stringify({ features: [...state.features.values()], segments: [...state.segments.values()] })) as Value
  const { flags, renamed } = importUnleash(file)
  const none = new Map()
  const text = toYaml(toDocument({ flags, configs: none, rateLimits: none, smokeChecks: none }))
  const read = readState([new StateSource('imported.yaml', text)])
  expect(read.faults).toEqual([])
  const names = new Map(renamed.map(({ name, key }) => [key, name]))
  const wanted = [...read.state.objects.flags].map(([key, { object }]) => [names.get(key) ?? key, { ...object, key }] as const)
  return new Map(wanted as unknown as [string, EvaluableFlag][])
}

function plan(specification: Specification): RunnableCase[] {
  const imported = importedFlags(specification)
  return specification.cases.flatMap((specificationCase): RunnableCase[] => {
    const feature = specification.state.features.get(specificationCase.toggleName)
    if (feature === undefined) return [{ specificationCase, conversion: undefined, imported: undefined }]
    try {
      const conversion = convertFeature(feature, specification.state)
      for (const rewrite of conversion.rewrites) rewritten.set(rewrite, (rewritten.get(rewrite) ?? 0) + 1)
      return [{ specificationCase, conversion, imported: imported.get(feature.name) }]
    } catch (error) {
      if (!(error instanceof InexpressibleError)) throw error
      inexpressible.set(error.message, [...(inexpressible.get(error.message) ?? []), specification.file])
      return []
    }
  })
}

function convertContext(context: UnleashContext): EvaluationContext {
  const { currentTime, properties, ...named } = context
  return { ...named, currentTime: currentTime === undefined ? null : new Date(currentTime), properties: properties ?? null }
}

/** Our answer in the suite's words: `isEnabled` or `getVariant`, whichever the case asks. */
function answer({ toggleName, context, expectedResult }: SpecificationCase, flag: EvaluableFlag | undefined) {
  const evaluation = evaluateFlag({
    key: flag?.key ?? toggleName,
    flag,
    revision: 0,
    subject: new EvaluationSubject(convertContext(context), NOW),
    defaultValue: false,
    isExplained: true,
    random: () => 0.5,
  })
  expect(evaluation.reason).not.toBe('ERROR')
  if (typeof expectedResult === 'boolean') return evaluation.isEnabled
  const { isEnabled, variant, value } = evaluation
  if (variant === null) return { name: 'disabled', enabled: false, feature_enabled: isEnabled }
  return { name: variant, enabled: true, feature_enabled: isEnabled, ...(value === null ? {} : { payload: value }) }
}

for (const { specification, runnable } of plans.filter((plan) => plan.runnable.length > 0)) {
  describe(specification.file, () => {
    for (const runnableCase of runnable) {
      const { description, toggleName, expectedResult } = runnableCase.specificationCase
      it(`${description} (${toggleName})`, () => {
        const { specificationCase, conversion, imported } = runnableCase
        // An operator that nobody knows is one of the cases.
        expect(answer(specificationCase, conversion?.flag as EvaluableFlag | undefined)).toStrictEqual(expectedResult)
        if (imported) expect(answer(specificationCase, imported)).toStrictEqual(expectedResult)
        counts.passed += 1
      })
    }
  })
}

describe('the suite as a whole', () => {
  it('runs cases of every file but those on the list of what cannot run', () => {
    const withoutCases = plans.filter(({ runnable }) => runnable.length === 0).map(({ specification }) => specification.file)
    expect(withoutCases).toEqual([...WHOLLY_INEXPRESSIBLE.keys()])
  })

  it('runs or explains every case of version 6.1.0', () => {
    expect({ cases: counts.cases, run: counts.run, inexpressible: counts.inexpressible }).toEqual({
      cases: 279,
      run: 199,
      inexpressible: 80,
    })
  })

  it('gives the same answers after an import, but for features that are not there and an operator that there is not', () => {
    const without = plans.flatMap(({ runnable }) => runnable).filter(({ imported }) => !imported)
    const refused = without.flatMap(({ conversion }) => conversion?.flag.key ?? [])
    expect(refused).toEqual(['F7.invalid-operator'])
  })

  it('runs only flags that our own validation accepts, but for bad stored data', () => {
    const flags = new Map<string, EvaluableFlag>()
    for (const { runnable } of plans)
      for (const { conversion } of runnable) if (conversion) flags.set(conversion.flag.key, conversion.flag as EvaluableFlag)
    const refused = [...flags.values()].filter(
      ({ strategies, variants }) =>
        validateStrategies(strategies, ['strategies']).length + validateVariants(variants, ['variants']).length > 0,
    )
    expect(refused.map(({ key }) => key)).toEqual(REFUSED_BY_VALIDATION)
  })
})

afterAll(() => {
  const reasons = [...inexpressible].map(
    ([reason, files]) => `  ${String(files.length).padStart(4)}  ${reason} (${[...new Set(files)].join(', ')})`,
  )
  const equivalences = [...rewritten].map(([rewrite, count]) => `  ${String(count).padStart(4)}  ${rewrite}`)
  const { cases, run, passed, inexpressible: left } = counts
  console.log(
    [
      `Unleash client specification: ${cases} cases, ${run} run, ${passed} passed, ${left} not expressible`,
      'not expressible:',
      ...reasons,
      'run through an equivalent:',
      ...equivalences,
    ].join('\n'),
  )
})
