import { resolve } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadSettings, SETTINGS_VARIABLES, type Settings } from './settings.js'

const ADMIN_KEY = `vk_live_${'a'.repeat(12)}_${'b'.repeat(32)}_1zZ`

function settingsOf(env: NodeJS.ProcessEnv): Settings {
  const read = loadSettings(env)
  if (!read.ok) throw new Error(read.faults.join('\n'))
  return read.settings
}

function faultsOf(env: NodeJS.ProcessEnv): string[] {
  const read = loadSettings(env)
  return read.ok ? [] : read.faults
}

describe('settings', () => {
  it('have these defaults when nothing is set', () => {
    expect(settingsOf({})).toEqual({
      port: 4000,
      host: '127.0.0.1',
      nodeEnv: 'development',
      isProduction: false,
      isDevelopment: true,
      logLevel: 'info',
      databaseUrl: undefined,
      redisUrl: undefined,
      dataDir: resolve('data'),
      environmentName: 'development',
      region: undefined,
      adminKey: undefined,
      keyPepper: undefined,
      auditKey: undefined,
      publicUrl: undefined,
      changeRetentionDays: 0,
      auditRetentionDays: 90,
      authFailuresPerMinute: 20,
      trustedProxies: 0,
      smokeAllowedOrigins: [],
      diskReserveBytes: 128 * 1024 * 1024,
      writeTimeoutMs: 2000,
      shutdownDelayMs: 0,
      startTimeoutMs: 30_000,
      shutdownGraceMs: 10_000,
      isSecretValueAllowed: false,
      corsOrigins: [],
      maxBodyBytes: 262_144,
      maxAnswerBytes: 8_388_608,
    })
  })

  it('call the deployment what NODE_ENV says, unless it has a name', () => {
    expect(settingsOf({ NODE_ENV: 'production', VALHALLA_ALLOW_UNKEYED: 'true' }).environmentName).toBe('production')
    expect(settingsOf({ NODE_ENV: 'production', VALHALLA_ALLOW_UNKEYED: 'true', VALHALLA_ENV: 'staging' }).environmentName).toBe('staging')
  })

  it('take every variable', () => {
    expect(
      settingsOf({
        PORT: '0',
        HOST: '::1',
        NODE_ENV: 'production',
        LOG_LEVEL: 'warn',
        DATABASE_URL: 'postgresql://user@db.example.org/valhalla',
        REDIS_URL: 'rediss://cache.example.org:6380/1',
        VALHALLA_DATA_DIR: '/var/lib/valhalla',
        VALHALLA_ENV: 'staging',
        VALHALLA_REGION: 'eu-west-1',
        VALHALLA_ADMIN_KEY: ADMIN_KEY,
        VALHALLA_KEY_PEPPER: 'p'.repeat(16),
        VALHALLA_AUDIT_KEY: 'q'.repeat(16),
        VALHALLA_PUBLIC_URL: 'https://Control.Example.org/valhalla/',
        VALHALLA_CHANGE_RETENTION_DAYS: '365',
        VALHALLA_AUDIT_RETENTION_DAYS: '0',
        VALHALLA_AUTH_FAILURES_PER_MINUTE: '0',
        VALHALLA_TRUSTED_PROXIES: '10',
        SMOKE_ALLOWED_ORIGINS: 'https://a.example.org, http://B.example.org:8080/,https://a.example.org',
        VALHALLA_DISK_RESERVE_MB: '1',
        VALHALLA_WRITE_TIMEOUT_MS: '500',
        VALHALLA_START_TIMEOUT_MS: '0',
        VALHALLA_SHUTDOWN_GRACE_MS: '0',
        VALHALLA_ALLOW_SECRET_VALUES: 'true',
        VALHALLA_CORS_ORIGINS: 'https://app.example.org',
        VALHALLA_MAX_BODY_BYTES: '1024',
        VALHALLA_MAX_ANSWER_BYTES: '65536',
      }),
    ).toEqual({
      port: 0,
      host: '::1',
      nodeEnv: 'production',
      isProduction: true,
      isDevelopment: false,
      logLevel: 'warn',
      databaseUrl: 'postgresql://user@db.example.org/valhalla',
      redisUrl: 'rediss://cache.example.org:6380/1',
      dataDir: '/var/lib/valhalla',
      environmentName: 'staging',
      region: 'eu-west-1',
      adminKey: ADMIN_KEY,
      keyPepper: 'p'.repeat(16),
      auditKey: 'q'.repeat(16),
      publicUrl: 'https://control.example.org/valhalla',
      changeRetentionDays: 365,
      auditRetentionDays: 0,
      authFailuresPerMinute: 0,
      trustedProxies: 10,
      smokeAllowedOrigins: ['https://a.example.org', 'http://b.example.org:8080'],
      diskReserveBytes: 1024 * 1024,
      writeTimeoutMs: 500,
      shutdownDelayMs: 5_000,
      startTimeoutMs: 0,
      shutdownGraceMs: 0,
      isSecretValueAllowed: true,
      corsOrigins: ['https://app.example.org'],
      maxBodyBytes: 1024,
      maxAnswerBytes: 65_536,
    })
  })

  it('treat an empty variable as unset', () => {
    const empty = Object.fromEntries(SETTINGS_VARIABLES.map(({ name }) => [name, '']))
    expect(settingsOf(empty)).toEqual(settingsOf({}))
  })

  it('cannot be changed afterwards', () => {
    const settings = settingsOf({ VALHALLA_CORS_ORIGINS: 'https://app.example.org' })
    expect(Object.isFrozen(settings)).toBe(true)
    expect(Object.isFrozen(settings.corsOrigins)).toBe(true)
    expect(Object.isFrozen(settings.smokeAllowedOrigins)).toBe(true)
  })

  it('report every fault at once, one line each', () => {
    expect(
      faultsOf({ PORT: '65536', NODE_ENV: 'prod', VALHALLA_TRUSTED_PROXIES: '-1', VALHALLA_KEY_PEPPER: 'short', VALHALLA_NOPE: '1' }),
    ).toEqual([
      'PORT must be a whole number from 0 to 65535, is "65536"',
      'NODE_ENV must be one of development, production, test, is "prod"',
      'VALHALLA_KEY_PEPPER must have at least 16 characters',
      'VALHALLA_TRUSTED_PROXIES must be a whole number from 0 to 10, is "-1"',
      'VALHALLA_NOPE is not a setting',
    ])
  })

  it.each([
    ['PORT', '1.5'],
    ['PORT', ' 1'],
    ['PORT', '1e3'],
    ['HOST', 'http://x'],
    ['LOG_LEVEL', 'verbose'],
    ['DATABASE_URL', 'mysql://db.example.org/x'],
    ['DATABASE_URL', 'db.example.org'],
    ['REDIS_URL', 'http://cache.example.org'],
    ['VALHALLA_ENV', 'a b'],
    ['VALHALLA_REGION', '-x'],
    ['VALHALLA_ADMIN_KEY', 'vk_live_short'],
    ['VALHALLA_AUDIT_KEY', 'q'.repeat(15)],
    ['VALHALLA_PUBLIC_URL', 'ftp://x.example.org'],
    ['VALHALLA_PUBLIC_URL', 'https://u:p@x.example.org'],
    ['VALHALLA_PUBLIC_URL', 'https://x.example.org/?q=1'],
    ['SMOKE_ALLOWED_ORIGINS', '*'],
    ['SMOKE_ALLOWED_ORIGINS', 'https://a.example.org/path'],
    ['SMOKE_ALLOWED_ORIGINS', 'https://a.example.org,'],
    ['VALHALLA_CORS_ORIGINS', 'null'],
    ['VALHALLA_CORS_ORIGINS', 'https://u:p@a.example.org'],
    ['VALHALLA_DISK_RESERVE_MB', '1GB'],
    ['VALHALLA_WRITE_TIMEOUT_MS', '99'],
    ['VALHALLA_SHUTDOWN_GRACE_MS', '600001'],
    ['VALHALLA_ALLOW_SECRET_VALUES', 'yes'],
    ['VALHALLA_MAX_BODY_BYTES', '1023'],
  ])('refuse %s=%j with one line that names it', (name, value) => {
    const faults = faultsOf({ [name]: value })
    expect(faults.map((line) => line.split(' ')[0])).toEqual([name])
  })

  it.each([
    ['VALHALLA_DATADIR', 'VALHALLA_DATA_DIR'],
    ['VALHALLA_ADMINKEY', 'VALHALLA_ADMIN_KEY'],
    ['VALHALLA_TRUSTED_PROXY', 'VALHALLA_TRUSTED_PROXIES'],
    ['VALHALLA_EMV', 'VALHALLA_ENV'],
  ])('answer a misspelt %s with %s', (name, meant) => {
    expect(faultsOf({ [name]: 'x' })).toEqual([`${name} is not a setting; did you mean ${meant}?`])
  })

  it('leave variables of others alone', () => {
    expect(faultsOf({ PATH: '/bin', VALHALLAX: '1', SMOKE_TEST: '1', DATABASE_UR: 'x' })).toEqual([])
  })

  it('never show a secret in a fault, in whichever secret variable it stands', () => {
    const secrets = SETTINGS_VARIABLES.filter(({ isSecret }) => isSecret).map(({ name }) => name)
    expect(secrets).toEqual(['DATABASE_URL', 'REDIS_URL', 'VALHALLA_ADMIN_KEY', 'VALHALLA_KEY_PEPPER', 'VALHALLA_AUDIT_KEY'])
    for (const name of secrets) {
      const faults = faultsOf({ [name]: 'kanarienvogl' })
      expect(faults).toHaveLength(1)
      expect(faults.join('\n')).not.toContain('kanarienvogl')
    }
  })

  it('never show a URL with a password or an API key, whichever variable it stands in', () => {
    for (const { name } of SETTINGS_VARIABLES) {
      for (const value of [`x-${ADMIN_KEY}`, 'amqp://user:kanarienvogel@host']) {
        expect(faultsOf({ [name]: value }).join('\n')).not.toMatch(/kanarienvogel|bbbbb/)
      }
    }
  })

  it('never throw, whatever the environment holds', () => {
    const names = fc.constantFrom(...SETTINGS_VARIABLES.map(({ name }) => name), 'VALHALLA_X', 'HOME')
    fc.assert(
      fc.property(
        fc.dictionary(names, fc.string({ unit: fc.constantFrom('a', '1', ':', '/', '@', ',', '%', '\u0000', '\ud800', 'é', ' ') })),
        (env) => {
          expect(Object.keys(loadSettings(env))).toEqual(loadSettings(env).ok ? ['ok', 'settings'] : ['ok', 'faults'])
        },
      ),
    )
  })
})
