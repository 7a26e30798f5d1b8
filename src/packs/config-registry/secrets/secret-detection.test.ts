import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json } from '../../../core/values/json.js'
import { findSecrets } from './secret-detection.js'
import { entropyBits, looksRandom } from './secret-shapes.js'

// Put together here, so that no scanner takes this file for a leak.
const AWS_ID = ['AK', 'IA', 'Q7ZK2MXW4TRLNB5D'].join('')
const GITHUB_TOKEN = ['gh', 'p_', 'aB3dE5gH7jK9mN1pQ3rS5tU7vW9xY1zA3bC5'].join('')
const SLACK_TOKEN = ['xo', 'xb-', '123456789012-1234567890123-aB3dE5gH7jK9aB3dE5gH7jK9'].join('')
const JWT = ['ey', 'JhbGciOiJIUzI1NiJ9.', 'ey', 'JzdWIiOiIxMjM0NTY3ODkwIn0.', 'dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U'].join('')
const PEM_START = ['-----BEGIN RSA PRIV', 'ATE KEY-----'].join('')
const OUR_KEY = ['vk', '_live_', 'k7Gh2Lm9Qr4s_Ab3dEf6hIj9lMn0pQr2tUv4xYz6bCd8f_1aB2cD'].join('')
const RANDOM = ['wJalrXUt', 'nFEMI7MDENG', 'bPxRfiCY2Eq'].join('')

const KEY_PART = 'aB3dE5gH7jK9mN1pQ3rS5tU7vW9xY1zA3bC5'
const AGE_KEY = ['AGE-SECRET', '-KEY-1', 'QYJ8K0N9XM2V5W7D3P4T6A8C0E2G4J6L8N0P2R4S6T8V0W2X4Y6Z8QQP3M'].join('')

/** What stands for a variable in a template. */
const VARIABLE = ['$', '{DB_PASSWORD_2026}'].join('')

/** Path and rule of each finding, in short. */
async function found(key: string, value: Json): Promise<string[]> {
  return (await findSecrets(key, value)).map(({ path, rule }) => `${path.join(' ')}: ${rule}`)
}

describe('a value that holds a secret', () => {
  it.each([
    ['an AWS access key id', `id is ${AWS_ID}.`, 'aws-access-key-id'],
    ['a private key', `${PEM_START}\nMIIEpAIBAAKCAQEA\n`, 'private-key'],
    ['a private key on one line', `${PEM_START}\\nMIIEpAIBAAKCAQEA\\n`, 'private-key'],
    ['an encrypted private key', PEM_START.replace('RSA', 'ENCRYPTED'), 'private-key'],
    ['an API key of this system', `use ${OUR_KEY}`, 'valhalla-key'],
    ['an API key without its checksum', OUR_KEY.replace(/_[^_]*$/, ''), 'valhalla-key'],
    ['a JWT', `Bearer ${JWT}`, 'jwt'],
    ['a PostgreSQL URL', 'postgresql://app:hunter22@db.example.org/x', 'url-password'],
    ['a Redis URL without a user', 'redis://:hunter22@cache.example.org:6379', 'url-password'],
    ['an unencoded password in a URL', 'amqp://app:hun/ter@22@mq.example.org', 'url-password'],
    ['an ADO.NET connection string', 'Server=db.example.org;User Id=app;Password=hunter22;', 'dsn-password'],
    ['a libpq connection string', "host=db.example.org user=app password='hunter22'", 'dsn-password'],
    ['a JDBC URL', 'jdbc:postgresql://db.example.org/x?user=app&password=hunter22', 'dsn-password'],
    ['a password that begins like a variable', 'postgres://u:$ecretPassw0rd@h', 'url-password'],
    ['a password that begins like a port', 'amqp://app:2024,Winter@mq.example.org', 'url-password'],
    ['a password behind an IPv6 host', 'http://[::1]:8080/ amqp://app:hunter22@[::1]:5672', 'url-password'],
    ['a password before a list of hosts', 'mongodb://app:hunter22@h1:27017,h2:27017/?x=me', 'url-password'],
    ['a key of Stripe', ['sk', '_live_', KEY_PART].join(''), 'stripe-key'],
    ['a restricted key of Stripe', `(${['rk', '_live_', KEY_PART].join('')})`, 'stripe-key'],
    ['a key of Google', `key=${['AI', 'za', KEY_PART.slice(1)].join('')}`, 'google-api-key'],
    ['a key of Azure', `DefaultEndpointsProtocol=https;AccountName=a;Account${'Key='}${KEY_PART}${KEY_PART}==`, 'azure-key'],
    ['a key of age', AGE_KEY, 'age-secret-key'],
    [
      'a token of a Telegram bot',
      `https://api.telegram.org/bot${['123456789', ':AA', KEY_PART.slice(3)].join('')}/getMe`,
      'telegram-bot-token',
    ],
    ['a GitHub token', GITHUB_TOKEN, 'secretlint-github'],
    ['a Slack token', `token: ${SLACK_TOKEN}`, 'secretlint-slack'],
  ])('is found by its shape under any name: %s', async (_, text, rule) => {
    expect(await found('notes', text)).toEqual([`: ${rule}`])
    expect(await found('notes', { a: [1, { b: text }] })).toEqual([`a 1 b: ${rule}`])
  })

  it.each([
    ['db/password', RANDOM, ''],
    ['auth', { token: RANDOM }, 'token'],
    ['auth', { apiKey: RANDOM }, 'apiKey'],
    ['auth', { 'api-key': RANDOM }, 'api-key'],
    ['auth', { api_key: RANDOM }, 'api_key'],
    ['auth', { private_key: RANDOM }, 'private_key'],
    ['auth', { clientSecret: { current: [RANDOM] } }, 'clientSecret current 0'],
    ['auth/secrets', { a: { b: RANDOM } }, 'a b'],
    ['auth', { PASSWORD: 'S3cr3tP@ssw0rd!' }, 'PASSWORD'],
    ['auth', { token: '550e8400-e29b-41d4-a716-446655440000' }, 'token'],
    ['auth', { token: '3f786850e387550fdab836ed7e6dc881de23001b' }, 'token'],
    ['auth', { tokenUrl: 'https://hooks.example.org/T9xQ2Lm8Zk4Rw7Vb' }, 'tokenUrl'],
  ])('is found by the name above it: %s %j', async (key, value, path) => {
    expect(await found(key, value)).toEqual([`${path}: named-secret`])
  })

  it('is found in a property name, and its path ends above that name', async () => {
    expect(await found('notes', { list: [{ [AWS_ID]: { deep: JWT } }] })).toEqual(['list 0: aws-access-key-id', 'list 0: jwt'])
    const paths = (await findSecrets('notes', { [GITHUB_TOKEN]: [GITHUB_TOKEN] })).map(({ path }) => path)
    expect(paths).toEqual([[]])
  })

  it('cannot hide behind a comment that switches scanners off', async () => {
    expect(await found('notes', [`/* secretlint-disable */ ${GITHUB_TOKEN}`, '# secretlint-disable', GITHUB_TOKEN])).toEqual([
      '0: secretlint-github',
      '2: secretlint-github',
    ])
  })

  it('is reported once for each place, in the order of the document, at most 20 times', async () => {
    expect(await found('token', [AWS_ID, 'fine', { b: JWT, a: OUR_KEY }])).toEqual([
      '0: aws-access-key-id',
      '2 b: jwt',
      '2 a: valhalla-key',
    ])
    expect(
      await findSecrets(
        'notes',
        Array.from({ length: 50 }, () => AWS_ID),
      ),
    ).toHaveLength(20)
  })
})

describe('an ordinary value', () => {
  it.each<[string, Json]>([
    ['password_min_length', 12],
    ['token.ttl', '15 minutes'],
    ['token.ttl', 'PT15M30.500S'],
    ['token.issuer', 'https://issuer.example.org/v1/oauth/token'],
    ['token.audience', 'valhalla-control-plane-v2'],
    ['token.algorithm', 'HMAC-SHA256'],
    ['token.provider', 'com.example.auth.TokenServiceProvider'],
    ['token.field', 'accessTokenLifetimeSeconds'],
    ['token.header', 'X-Auth-Token-Value'],
    ['token.account', '123456789012'],
    ['token.issued_format', 'YYYY-MM-DDTHH:mm:ss.SSSZ'],
    ['token.since', '2026-01-31T12:00:00.000Z'],
    ['token.scopes', 'openid,profile,email,offline_access'],
    ['token.image', 'registry.example.org/team/token-service:1.24.3'],
    ['token.version', '1.24.3-beta.1+build.55'],
    ['secret.name', 'prod-database-credentials'],
    ['secret.ref', 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf'],
    ['secret.ref', 'vault:secret/data/x9Aq/zz1'],
    ['secret.file', '/run/secrets/db_password'],
    ['password.pattern', '^(?=.*[A-Z])(?=.*\\d).{12,}$'],
    ['password.reset_sender', 'no-reply@accounts.example.org'],
    ['password.template', VARIABLE],
    ['password.hint', 'the name of your first pet'],
    ['feature/checksum', '3f786850e387550fdab836ed7e6dc881de23001b'],
    ['db/url', 'postgresql://db.example.org:5432/app?sslmode=require'],
    ['db/url', `postgresql://app:${VARIABLE}@db.example.org/x`],
    ['db/url', 'postgresql://app:<password>@db.example.org/x'],
    ['db/dsn', 'host=db.example.org user=app password={{password}}'],
    ['service/url', 'http://localhost:4000/users/@me'],
    ['service/url', 'http://[::1]:8080/users/a@b.c'],
    ['service/url', 'http://[fe80::1%25eth0]/users/a@b.c'],
    ['service/brokers', 'mongodb://h1:27017,h2:27017/?x=me@corp'],
    ['service/brokers', 'kafka://b1:9092,kafka://b2:9092,ops@corp.com'],
    ['service/brokers', 'kafka://[::1]:9092,[::2]:9092/?owner=ops@corp.com'],
    ['db/url', 'postgresql://app:$DB_PASSWORD@db.example.org/x'],
    ['storage', 'AccountName=a;AccountKey=<key>;EndpointSuffix=core.windows.net'],
    ['payment/key', 'pk_live_' + 'aB3dE5gH7jK9mN1pQ3rS5tU7'],
    ['docs', 'grant_type=password is not used; the password=... parameter neither'],
    ['aws/example', ['AKIA', 'IOSFODNN7EXAMPLE'].join('')],
    ['certificate', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----'],
    ['limits', { tokens_per_minute: 1000, isSecretRotationOn: true, secret: null, password: '' }],
  ])('is left alone: %s %j', async (key, value) => {
    expect(await found(key, value)).toEqual([])
  })
})

describe('looking random', () => {
  it('takes 12 characters, 3 bits a character and a letter', () => {
    expect(looksRandom('aB3dE5gH7jK9')).toBe(true)
    expect(looksRandom('aB3dE5gH7jK')).toBe(false)
    expect(looksRandom('a1a1a1a1a1a1a1a1')).toBe(false)
    expect(looksRandom('1029384756')).toBe(false)
    expect(looksRandom('102938475610293847')).toBe(false)
  })

  it('is measured as Shannon entropy', () => {
    expect(entropyBits('')).toBe(0)
    expect(entropyBits('aaaa')).toBe(0)
    expect(entropyBits('abab')).toBe(1)
    expect(entropyBits('abcdefgh')).toBe(3)
  })

  it('is seen in nearly every generated secret of 24 base62 characters', () => {
    const base62 = fc.constantFrom(...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz')
    const missed = fc
      .sample(fc.string({ unit: base62, minLength: 24, maxLength: 24, size: 'max' }), { numRuns: 2_000, seed: 1 })
      .filter((text) => !looksRandom(text))
    expect(missed.length).toBeLessThan(40)
  })
})

describe('whatever a value holds', () => {
  it('the search ends without an error, and says nothing of the value', async () => {
    const text = fc.oneof(fc.string(), fc.constantFrom(AWS_ID, GITHUB_TOKEN, JWT, OUR_KEY, RANDOM, 'postgresql://a:kanarienvogel@b'))
    const value = fc.letrec<{ value: Json }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        text,
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(text, tie('value'), { maxKeys: 4 }),
      ),
    })).value
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('notes', 'db/password'), value, async (key, candidate) => {
        const shown = JSON.stringify((await findSecrets(key, candidate)).map(({ path, message, rule }) => [path, message, rule]))
        for (const secret of [AWS_ID, GITHUB_TOKEN, JWT, OUR_KEY, 'kanarienvogel']) expect(shown).not.toContain(secret)
        const messages = new Set((await findSecrets(key, candidate)).map(({ message }) => message))
        for (const message of messages) expect(message).toMatch(/^(?:holds (?:what looks like|a URL|a connection)|has a name that says)/)
      }),
      { numRuns: 200 },
    )
  })

  it('the search takes any JSON', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.jsonValue(), async (key, value) => {
        expect(Array.isArray(await findSecrets(key, value as Json))).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it('the search comes to an end, also for a hostile text of 64 KiB and after many searches', async () => {
    const pieces = [
      '://a:',
      '://',
      'eyJ',
      'eyJaaaaaaaaaa.',
      '-----BEGIN ',
      'AKIA',
      'vk_live_',
      'xoxb-',
      'password=',
      ';pwd=a',
      '[-',
      '{1,',
      '(?',
      '${',
      'Aab',
      '://a:1,',
      '://a:1,b.',
      '://[::',
      '://a:1,a://',
      'sk_live_',
      'AIza',
      'AccountKey=',
      'AGE-SECRET-KEY-1A',
      '12345:A',
      '1',
      'aA1',
      '/a',
      '"',
      '\n',
    ]
    for (const piece of pieces) await findSecrets('token', { host: `host=${piece.repeat(60_000 / piece.length)}` })
    await findSecrets(
      'token',
      Array.from({ length: 10_000 }, () => 'ab'),
    )
    for (let count = 0; count < 300; count++) await findSecrets('notes', 'x')
  })
})
