import { differencesOf, type PlannedChange, summaryOf } from './plan-view.js'

/** Code hosts take comments of 65,536 characters. */
const MAX_LENGTH = 60_000
const MAX_VALUE = 1_000

const WORDS = { CREATE: 'make', UPDATE: 'change', DELETE: '**delete**' } as const

/** A plan for a comment on a pull request: a table of the objects, and what changes of each one below. */
export function planMarkdown(plan: readonly PlannedChange[], { title, revision }: { title: string; revision: number }): string {
  if (plan.length === 0) return `### ${title}\n\nNo changes: it is so already at revision ${revision}.\n`
  const rows = plan.map(({ action, targetType, targetKey }) => `| ${WORDS[action]} | ${targetType} | ${code(targetKey)} |`)
  const head = [
    `### ${title}`,
    '',
    `${summaryOf(plan)}, planned at revision ${revision}.`,
    '',
    '| | type | object |',
    '|---|---|---|',
    ...rows,
    '',
  ]
  const details = plan.map((change) => `${detailOf(change)}\n`)
  let text = `${head.join('\n')}\n`
  for (const detail of details) {
    if (text.length + detail.length > MAX_LENGTH)
      return `${text.slice(0, MAX_LENGTH)}\n\nThe rest is too long to be shown here: run the plan to see it.\n`
    text += detail
  }
  return text
}

function detailOf(change: PlannedChange): string {
  const lines = differencesOf(change).flatMap(({ path, before, after }) => [
    ...(before === undefined || change.action === 'CREATE' ? [] : [`- ${path}: ${shown(before)}`]),
    ...(after === undefined || change.action === 'DELETE' ? [] : [`+ ${path}: ${shown(after)}`]),
  ])
  const body = lines.join('\n')
  // A fence longer than any in the text keeps the text inside.
  const fence = '`'.repeat(Math.max(3, ...[...body.matchAll(/`+/g)].map(([ticks]) => ticks.length + 1)))
  return `<details><summary>${escapeHtml(`${change.targetType} ${change.targetKey}`)}</summary>\n\n${fence}diff\n${body}\n${fence}\n\n</details>\n`
}

function shown(value: unknown): string {
  const text = JSON.stringify(value)
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}...` : text
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[\r\n]/g, ' ')
}

/** A name in code type, in a cell of a table. */
function code(text: string): string {
  return `<code>${escapeHtml(text).replaceAll('|', '&#124;').replaceAll('`', '&#96;').replaceAll('*', '&#42;').replaceAll('@', '&#64;')}</code>`
}
