import { describe, expect, it } from 'vitest'
import { SETTINGS_VARIABLES } from './settings.js'
import { settingsHelp, settingsTableMarkdown, withSettingsTable } from './settings-help.js'

describe('the help', () => {
  it('names usage, flags, exit codes and every variable with its default, on lines of at most 120 characters', () => {
    const help = settingsHelp()
    expect(help).toContain('Usage: node dist/main.js [--help]')
    expect(help).toContain('  78  The settings cannot be used')
    for (const { name, type, defaultText, isSecret } of SETTINGS_VARIABLES) {
      const secret = isSecret ? '; secret' : ''
      expect(help).toContain(`  ${name} (${type}; ${defaultText === undefined ? 'optional' : `default ${defaultText}`}${secret})\n`)
    }
    expect(help.split('\n').filter((line) => line.length > 120)).toEqual([])
  })
})

describe('the table for the README', () => {
  it('has one row of four cells for each variable', () => {
    const rows = settingsTableMarkdown().split('\n').slice(2)
    expect(rows.map((row) => row.split('|').length)).toEqual(SETTINGS_VARIABLES.map(() => 6))
    expect(rows[0]).toBe('| `PORT` | port | `4000` | TCP port to listen on; 0 takes any free one. |')
  })

  it('replaces what stands between the markers and nothing else, and doing it again changes nothing', () => {
    const readme = '# Title\n<!-- settings:start -->\nold\n<!-- settings:end -->\nrest\n'
    const fresh = withSettingsTable(readme)
    expect(fresh).toBe(`# Title\n<!-- settings:start -->\n${settingsTableMarkdown()}\n<!-- settings:end -->\nrest\n`)
    expect(withSettingsTable(fresh)).toBe(fresh)
  })

  it.each([
    'no markers',
    '<!-- settings:end --> <!-- settings:start -->',
    '<!-- settings:start --> <!-- settings:end --> <!-- settings:end -->',
    '<!-- settings:start -->',
  ])('is refused by %j', (readme) => {
    expect(() => withSettingsTable(readme)).toThrow(/needs the markers/)
  })
})
