import fc from 'fast-check'
import t from 'tap'
import { faultsOf } from '../../../compose/env/checks.ts'
import { type Environment, servers } from '../../../compose/env/environment.ts'
import { type Variable, variables } from '../../../compose/env/variables.ts'
import { filled, goodSecret } from './filled.ts'

function expected(name: string, changes: Environment): string {
  const faults = faultsOf(filled('backend', changes), 'backend')
  return faults.map(fault => (fault.name === name ? fault.expected : `${fault.name} too`)).join('; ')
}

t.test(
  'a secret that is missing, short, a placeholder or monotonous is refused, with why and how to make one',
  async t => {
    const secret = (value: string): string => expected('EXCELMANUS_JWT_SECRET', { EXCELMANUS_JWT_SECRET: value })
    t.equal(secret(''), 'a secret (there is none): openssl rand -base64 36')
    t.match(secret(goodSecret.slice(0, 31)), /^a secret \(it has 31 characters, 32 are the least\)/)
    t.match(secret('change-me-to-something-long-and-random-please'), /a placeholder/)
    t.match(secret('your-secret-key-goes-in-here-0123456789abc'), /a placeholder/)
    t.match(secret('abababababababababababababababababababab'), /it repeats itself/)
    t.equal(secret(goodSecret), '')
    t.equal(secret('d3f1a0b97c5e24688d3f1a0b97c5e246d3f1a0b97c5e24688d3f1a0b97c5e246'), '', 'hexadecimal')
  }
)

t.test('only who switched logins off, in so many words, needs no secret', async t => {
  const without = (flag: string): string =>
    expected('EXCELMANUS_JWT_SECRET', { EXCELMANUS_JWT_SECRET: '', EXCELMANUS_AUTH_ENABLED: flag })
  t.equal(without('false'), '')
  t.equal(without('OFF'), '')
  t.match(without('true'), /^a secret/)
  t.match(without(''), /^a secret/)
})

t.test('a weak secret is one in a trial as well', async t => {
  const faults = faultsOf({ DOMAINS: 'localhost', EXCELMANUS_JWT_SECRET: 'short' }, 'backend')
  t.match(faults, [{ name: 'EXCELMANUS_JWT_SECRET', found: 'what may not be shown' }])
})

t.test('PostgreSQL needs a password, where it runs', async t => {
  const password = (value: string, profiles: string): string =>
    expected('POSTGRES_PASSWORD', { POSTGRES_PASSWORD: value, COMPOSE_PROFILES: profiles })
  t.match(password('', 'api-blue,postgres'), /^a password \(there is none\)/)
  t.match(password('postgres1', 'api-blue,postgres'), /^a password \(it has 9 characters, 16/)
  t.equal(password(goodSecret.slice(0, 16), 'api-blue,postgres'), '')
  t.equal(password('', 'api-blue'), '')
})

const both = 'https://site.cn,https://www.site.cn'
const lists: readonly [string, string][] = [
  [both, ''],
  [`${both}, http://localhost:3000`, ''],
  [`${both},http://site.cn`, ''],
  ['', 'https://site.cn as well, https://www.site.cn as well'],
  ['https://site.cn', 'https://www.site.cn as well'],
  ['http://site.cn,https://www.site.cn', 'https://site.cn instead of http://site.cn'],
  ['https://site.cn/,https://www.site.cn', 'https://site.cn instead of https://site.cn/'],
  ['site.cn,https://www.site.cn', 'https://site.cn instead of site.cn'],
  ['https://Site.cn,https://www.site.cn', 'https://site.cn instead of https://Site.cn'],
  [`${both},http://a.cn/`, 'http://a.cn instead of http://a.cn/'],
  ['*', `the site alone, not everybody: ${both}`],
  [`${both},*`, `the site alone, not everybody: ${both}`],
  [`["https://site.cn", "https://www.site.cn"]`, `origins with commas between them and nothing around: ${both}`],
  ['https://site.cn https://www.site.cn', `origins with commas between them and nothing around: ${both}`],
  [`${both},https://www.example.com`, "your site's own origins"]
]

t.test(
  'the CORS list has every name, as a browser sends it, and says what is wrong with one that is close',
  async t => {
    const name = 'EXCELMANUS_CORS_ALLOW_ORIGINS'
    for (const [value, said] of lists) t.equal(expected(name, { [name]: value }), said, value)
    const idn = { DOMAINS: 'bücher.cn', [name]: 'https://xn--bcher-kva.cn' }
    t.equal(expected(name, idn), '', 'a browser sends A-labels')
    const other = { HTTPS_PORT: '8443', [name]: 'https://site.cn:8443,https://www.site.cn:8443' }
    t.equal(expected(name, other), '', 'and the port')
    t.not(expected(name, { ...other, HTTPS_PORT: '443' }), '')
  }
)

t.test('where both halves share a server, the web app gets a file of its own, or there are no secrets', async t => {
  const faults = (env: Environment) => faultsOf(filled('single', env), 'single').map(({ name }) => name)
  t.same(faults({}), [], 'as the example has it')
  t.same(faults({ WEB_ENV_FILE: '' }), ['WEB_ENV_FILE'])
  t.same(faults({ WEB_ENV_FILE: '.env' }), ['WEB_ENV_FILE'])
  t.same(faults({ WEB_ENV_FILE: 'both.env', ENV_FILE: 'both.env' }), ['WEB_ENV_FILE'])
  t.same(faultsOf({ DOMAINS: 'localhost', SERVER: 'single' }, 'single'), [], 'a trial without secrets')
  t.same(faultsOf(filled('backend', { WEB_ENV_FILE: '' }), 'backend'), [])
})

t.test('the frontend server has none of these, and is not asked for them', async t => {
  t.same(
    faultsOf(filled('frontend', { EXCELMANUS_AUTH_ENABLED: 'true', COMPOSE_PROFILES: 'web-blue' }), 'frontend'),
    []
  )
})

t.test('no fault ever shows a secret', async t => {
  const secrets = Object.entries<Variable>(variables).flatMap(([name, { isSecret }]) => (isSecret ? name : []))
  t.ok(secrets.length >= 4)
  // Marked, so that it cannot be part of what a fault says anyhow.
  const secret = fc.string({ maxLength: 40 }).map(text => `§${text}§`)
  const anything = fc.dictionary(fc.constantFrom(...Object.keys(variables)), fc.string(), { noNullPrototype: true })
  const strange = fc.dictionary(fc.constantFrom('EXCELMANUS_JWT_SECERT', 'API_KEYS', 'DOMAIN'), secret, {
    noNullPrototype: true
  })
  const property = fc.property(
    fc.constantFrom(...servers),
    fc.record(Object.fromEntries(secrets.map(name => [name, secret])), { requiredKeys: [] }),
    anything,
    strange,
    (server, hidden, shown, others) => {
      const said = JSON.stringify(faultsOf({ ...filled(server), ...shown, ...others, ...hidden }, server))
      return [...Object.values(hidden), ...Object.values(others)].every(
        value => !said.includes(JSON.stringify(value).slice(1, -1))
      )
    }
  )
  fc.assert(property, { numRuns: 500 })
})
