import type { Command } from 'commander'
import { readMoment } from '../../change/moment.js'
import { addWrite } from '../../change/write-command.js'
import { does } from '../../cli.js'
import { graphql, type ResultOf } from '../../connection/document.js'
import type { View } from '../../output/output.js'
import { addListing } from '../listing.js'

const WINDOW_FIELDS = graphql(`
  fragment WindowFields on MaintenanceWindow { id startsAt endsAt mode description isActive status version createdAt updatedAt }
`)

const STATE = graphql(
  `
  query MaintenanceState {
    maintenanceState {
      mode switchMode reason expiresAt updatedAt retryAfterSeconds
      ongoingWindow { ...WindowFields }
      nextWindow { ...WindowFields }
    }
  }
`,
  [WINDOW_FIELDS],
)

const LIST = graphql(
  `
  query MaintenanceWindows($first: Int!, $after: String) {
    maintenanceWindows(first: $first, after: $after) { nodes { ...WindowFields } pageInfo { hasNextPage endCursor } }
  }
`,
  [WINDOW_FIELDS],
)

type Window = ResultOf<typeof WINDOW_FIELDS>

const stateView: View<ResultOf<typeof STATE>['maintenanceState']> = {
  name: ({ mode }) => mode,
  columns: [
    ['mode', ({ mode }) => mode],
    ['switch', ({ switchMode }) => switchMode],
    ['reason', ({ reason }) => reason],
    ['expires', ({ expiresAt }) => expiresAt],
    ['ongoing window', ({ ongoingWindow }) => ongoingWindow && spanOf(ongoingWindow)],
    ['next window', ({ nextWindow }) => nextWindow && spanOf(nextWindow)],
  ],
}

function spanOf({ mode, startsAt, endsAt, id }: Window): string {
  return `${mode} ${startsAt} to ${endsAt} (${id})`
}

const windowView: View<Window> = {
  name: ({ id }) => id,
  columns: [
    ['id', ({ id }) => id],
    ['status', ({ status }) => status],
    ['mode', ({ mode }) => mode],
    ['starts', ({ startsAt }) => startsAt],
    ['ends', ({ endsAt }) => endsAt],
    ['description', ({ description }) => description],
  ],
}

/** `valhalla maintenance ...` */
export function addMaintenanceCommands(program: Command): void {
  const maintenance = program
    .command('maintenance')
    .description('The maintenance switch and windows. A time is ISO 8601, or from now on: +2h.')
  does(maintenance.command('status').description('Show what is in force.'), async (cli) => {
    await cli.out.object((await cli.ask(STATE, {})).maintenanceState, stateView)
  })
  addListing(maintenance, {
    name: 'list',
    summary: 'List windows.',
    view: windowView,
    read: async (cli, page) => (await cli.ask(LIST, page)).maintenanceWindows,
  })
  addWrite(maintenance, {
    name: 'set <mode>',
    step: 'setMaintenanceMode',
    takes: ['mode'],
    toInput: ([mode = '']) => ({ mode: mode.toUpperCase().replace('-', '_') }),
  })
  addWrite(maintenance, {
    name: 'schedule <start> <end>',
    step: 'scheduleMaintenanceWindow',
    takes: ['startsAt', 'endsAt'],
    toInput: ([start = '', end = '']) => ({ startsAt: readMoment(start), endsAt: readMoment(end) }),
  })
  addWrite(maintenance, { name: 'move <id>', step: 'updateMaintenanceWindow', takes: ['id'], toInput: ([id]) => ({ id }) })
  addWrite(maintenance, { name: 'cancel <id>', step: 'cancelMaintenanceWindow', takes: ['id'], toInput: ([id]) => ({ id }) })
}
