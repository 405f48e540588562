import { chmod } from 'node:fs/promises'
import t from 'tap'
import { docker, engineMissing } from '../doubles/stack/engine.ts'
import { makeStack, type Stack } from '../doubles/stack/stack.ts'

// Where nothing is built yet, the images are.
t.setTimeout(600_000)

const good = {
  DOMAINS: '[pages.invalid, www.pages.invalid]',
  TLS_MODE: 'acme',
  // Nobody's: nothing of this machine is to be asked for, or about.
  ACME_DIRECTORY: 'https://127.0.0.1:1/directory',
  WEB_ORIGIN: 'http://127.0.0.1:9',
  EXCELMANUS_AUTH_ENABLED: 'true',
  EXCELMANUS_JWT_SECRET: 'qZ7vB2nM4xK9wT5rY8uP3sD6fG1hJ0lC',
  EXCELMANUS_CORS_ALLOW_ORIGINS: 'https://pages.invalid,https://www.pages.invalid'
}

/** What runs of it. */
async function running(stack: Stack): Promise<string[]> {
  const { out } = await stack.compose('ps', '--status', 'running', '--services')
  return out.split('\n').filter(name => name !== '')
}

/** What `up -d` refuses to start with, as the operator then reads it. */
async function refusal(stack: Stack): Promise<{ code: number | null; log: string }> {
  const { code, err } = await stack.compose('up', '-d')
  if (code !== 0 && !err.includes('preflight')) throw new Error(err)
  const { out } = await stack.compose('logs', '--no-log-prefix', 'preflight')
  return { code, log: out.split('COMPOSE_ENV_REFUSED').at(-1) ?? '' }
}

t.test('nothing starts on an .env that lacks something, and the log says what', { skip: engineMissing }, async t => {
  const stack = await makeStack(t, 'backend', {
    ...good,
    EXCELMANUS_JWT_SECRET: '',
    EXCELMANUS_CORS_ALLOW_ORIGINS: 'https://pages.invalid'
  })
  const cases = [
    {
      change: {},
      says: [
        /EXCELMANUS_JWT_SECRET +found nothing; +expected a secret .*openssl rand/m,
        /EXCELMANUS_CORS_ALLOW_ORIGINS +.*https:\/\/www\.pages\.invalid as well/m
      ]
    },
    {
      change: { ...good, EXCELMANUS_JWT_SECRET: 'changeme-changeme-changeme-changeme' },
      says: [/EXCELMANUS_JWT_SECRET +found what may not be shown; .*placeholder/m]
    },
    {
      change: { ...good, COMPOSE_PROFILES: 'api-blue,postgres' },
      says: [/POSTGRES_PASSWORD +found nothing; .*openssl rand/m]
    },
    { change: { COMPOSE_PROFILES: '', TLS_MODE: 'local' }, says: [/TLS_MODE +found "local"; +expected acme/m] }
  ]
  for (const { change, says } of cases) {
    await stack.set(change)
    const { code, log } = await refusal(stack)
    t.not(code, 0, 'up fails')
    for (const line of says) t.match(log, line)
    t.notMatch(log, /changeme/, 'a secret is not shown, even when it is refused')
    t.strictSame(await running(stack), [], 'nothing runs')
  }

  t.test('nor on one that others of this machine can read', async t => {
    await stack.set({ TLS_MODE: 'acme' })
    await chmod(stack.file, 0o644)
    const { code, log } = await refusal(stack)
    t.not(code, 0)
    t.match(log, /\.env +found mode 0644; +expected 0600: chmod 600 \.env$/m)
    t.strictSame(await running(stack), [])
    await chmod(stack.file, 0o600)
  })

  t.test('mended, up -d starts it all, with nothing to clear away first', async t => {
    const { code, log } = await refusal(stack)
    t.equal(code, 0, log)
    t.strictSame((await running(stack)).sort(), ['api-blue', 'edge'])
  })

  t.test('the edge goes on when a later .env is refused that does not concern it', async t => {
    const edge = await stack.container('edge')
    await stack.set({ EXCELMANUS_JWT_SECRET: 'short' })
    t.not((await refusal(stack)).code, 0)
    t.equal((await stack.inspect('edge')).State.Running, true)
    t.equal(await stack.container('edge'), edge)
  })
})

t.test(
  'an image that cannot be had is an error, and not the sample under its name',
  { skip: engineMissing },
  async t => {
    const image = 'localhost:9/none:1'
    // The second one is what a swap has written.
    for (const name of ['API_IMAGE', 'API_BLUE_IMAGE']) {
      const stack = await makeStack(t, 'backend', { [name]: image })
      const { code, err } = await stack.compose('up', '-d')
      t.not(code, 0)
      t.match(err, `${name}-cannot-be-pulled`)
      t.not((await docker(['image', 'inspect', image])).code, 0)
      t.strictSame(await running(stack), [])
    }
  }
)
