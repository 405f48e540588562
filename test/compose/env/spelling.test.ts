import t from 'tap'
import { misspelt } from '../../../compose/env/spelling.ts'
import { variables } from '../../../compose/env/variables.ts'

function near(...names: string[]): Record<string, string> {
  const env = Object.fromEntries(names.map(name => [name, 'x']))
  return Object.fromEntries([...misspelt(env, 'single')].map(({ name, expected }) => [name, expected]))
}

t.test('a name that is nearly one of ours is told, with the one that was probably meant', async t => {
  const typos: Record<string, string> = {
    DOMAIN: 'DOMAINS',
    domains: 'DOMAINS',
    SEVRER: 'SERVER',
    TLS_MOED: 'TLS_MODE',
    HTTP_PROT: 'HTTP_PORT',
    HTTPSPORT: 'HTTPS_PORT',
    httpsport: 'HTTPS_PORT',
    WEB_IMGAE: 'WEB_IMAGE',
    COMPOSE_PROFILE: 'COMPOSE_PROFILES',
    POSTGRES_PASWORD: 'POSTGRES_PASSWORD',
    EXCELMANUS_JWT_SECERT: 'EXCELMANUS_JWT_SECRET',
    EXELMANUS_JWT_SECRET: 'EXCELMANUS_JWT_SECRET',
    EXCELMANUS_CORS_ALLOW_ORIGIN: 'EXCELMANUS_CORS_ALLOW_ORIGINS',
    EXCELMANUS_AUTH_ENABLE: 'EXCELMANUS_AUTH_ENABLED'
  }
  for (const [typo, meant] of Object.entries(typos)) t.same(near(typo), { [typo]: `probably ${meant}` })
})

t.test("the app's own names pass, and those of a container and of a shell", async t => {
  const app = `API_KEY API_GREAN APP_IMAGE POSTGRES_HOST POSTGRES_PORT WEB_PORT DATABASE_URL EXCELMANUS_MODELS EXCELMANUS_AUX_API_KEY
    EXCELMANUS_AUX_MODEL EXCELMANUS_AUX_BASE_URL EXCELMANUS_VLM_MODEL EXCELMANUS_EMBEDDING_API_KEY EXCELMANUS_HOME
    EXCELMANUS_GITHUB_CLIENT_SECRET EXCELMANUS_GOOGLE_CLIENT_ID EXCELMANUS_PROTOCOL EXCELMANUS_DEPLOY_MODE
    EXCELMANUS_ALLOWED_OAUTH_ORIGINS NEXT_PUBLIC_BACKEND_ORIGIN BACKEND_INTERNAL_URL API_HEALTH_PATH UVICORN_PORT`
  const machine = `PATH HOME HOSTNAME PWD SHLVL USER LANG TERM SHELL LOGNAME NODE_COMPILE_CACHE NODE_VERSION NODE_OPTIONS
    NODE_ENV YARN_VERSION SSL_CERT_FILE NODE_EXTRA_CA_CERTS HTTP_PROXY HTTPS_PROXY http_proxy https_proxy no_proxy
    SSH_CLIENT SSH_CONNECTION DOCKER_HOST COMPOSE_BAKE DOMAINNAME PORT TZ`
  t.same(near(...app.split(/\s+/), ...machine.split(/\s+/)), {})
})

t.test('our own are no typos of each other, on any server', async t => {
  for (const server of ['frontend', 'backend', 'single'] as const) {
    for (const name of Object.keys(variables)) t.same([...misspelt({ [name]: 'x' }, server)], [], name)
  }
})

t.test('where the one that is near is set, the other is somebody else’s; where it is empty, it is not', async t => {
  t.same([...misspelt({ DOMAIN: 'x', DOMAINS: 'site.cn' }, 'single')], [])
  t.equal([...misspelt({ DOMAIN: 'x', DOMAINS: '' }, 'single')].length, 1)
  t.same([...misspelt({ DOMAIN: '' }, 'single')], [], 'and what is empty does not count')
  t.same([...misspelt({ API_IMGAE: 'x' }, 'frontend')], [], 'nor what belongs to the other server')
})
