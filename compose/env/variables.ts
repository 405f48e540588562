import { email, httpsUrl, thumbprint } from '../../proxy/config/kinds/accounts.ts'
import { choice } from '../../proxy/config/kinds/amounts.ts'
import { hostPort, originOrPeer } from '../../proxy/config/kinds/hosts.ts'
import type { Kind } from '../../proxy/config/kinds/kind.ts'
import { blocks, flag, memory, port, privateAddress, projectName, someOf } from './kinds.ts'

/** One variable of a stack's `.env`: its row is its documentation, its line in the example, and its check. */
export interface Variable {
  /** On which servers it means something; a single server has them all. */
  readonly on: readonly Half[]
  readonly meaning: string
  /** What the compose files take when it is left out; null: nothing. */
  readonly default: string | null
  /** What the example has in its place. */
  readonly example?: string
  /** Never shown, not even when it is wrong. */
  readonly isSecret?: true
  /** What may stand there; without it: anything. */
  readonly kind?: Kind<unknown>
  /** Heads a part of the example. */
  readonly part?: string
}

export type Half = 'frontend' | 'backend'
const both: readonly Half[] = ['frontend', 'backend']
const front: readonly Half[] = ['frontend']
const back: readonly Half[] = ['backend']
/** What COMPOSE_PROFILES may name: a server's slots, and what goes with them. */
export const profiles: readonly string[] = ['web-blue', 'web-green', 'api-blue', 'api-green', 'postgres']
const app = 'The app itself (chapter 7 of the old manual); they reach its container as they are.'

// biome-ignore format: a table is read by its columns; one row, one line where it fits
export const variables = {
  DOMAINS: { part: 'The site', on: both, default: 'localhost', example: '[example.com, www.example.com]', meaning: 'The names that are served; the same on both servers.' },
  TLS_MODE: { on: both, default: 'local', example: 'acme', kind: choice('local', 'acme', 'files'), meaning: 'acme: certificates from Let\'s Encrypt, renewed by themselves. local: of an authority made here, to try it out. files: your own, with a configuration file of your own.' },
  ACME_EMAIL: { on: both, default: null, example: 'ops@example.com', kind: email, meaning: 'Where the authority may write to; may be left out.' },
  ACME_DIRECTORY: { on: both, default: null, kind: httpsUrl, meaning: 'The directory of another authority than Let\'s Encrypt.' },
  PEER_THUMBPRINT: { on: both, default: null, kind: thumbprint, meaning: 'What `twinedge certs` shows on the other server, so that both renew wherever DNS points.' },

  LINK_PEER: { part: 'The other server', on: both, default: null, example: '203.0.113.7', kind: hostPort, meaning: 'Its address, or a name that stays its own when DNS is switched, none of DOMAINS. Between the two edges there is then an encrypted link, once they know each other: twinedge link pair. Without it there is none.' },
  LINK_PORT: { on: both, default: '7443', kind: port, meaning: 'Where the link is taken, here and there. Open it to the address of the other server alone.' },
  LINK_FROM: { on: both, default: null, example: '[198.51.100.7, fd00::/8]', kind: blocks, meaning: 'Addresses that the other server comes from, where they are others than LINK_PEER.' },
  API_ORIGIN: { on: front, default: null, example: 'peer', kind: originOrPeer, meaning: 'Where the API is reached. peer: on the other server, over the link. Or that server\'s edge by a name among the DOMAINS there, such as https://backend.example.com. Without it, a sample API here. A slot\'s own port is clear text, and silent after a swap.' },
  WEB_ORIGIN: { on: back, default: null, example: 'peer', kind: originOrPeer, meaning: 'Where the pages are reached, for the day on which DNS points here. peer: on the other server, over the link. Or that server\'s edge by a name of its own among the DOMAINS there, such as https://frontend.example.com. A slot\'s own port is clear text, and silent after a swap.' },
  API_ELSE: { on: back, default: null, example: 'peer', kind: choice('peer'), meaning: 'peer: while the API is down here, that of the other server answers, if it runs one. Only where both have the same data. The pages need no word: with LINK_PEER, each server has those of the other while its own are down.' },
  WEB_ADDRESS: { on: front, default: '127.0.0.1', kind: privateAddress, meaning: 'Where the web app listens for the other server: an address of a private network.' },
  API_ADDRESS: { on: back, default: '127.0.0.1', kind: privateAddress, meaning: 'Where the API listens for the other server: an address of a private network.' },

  WEB_IMAGE: { part: 'Images', on: front, default: 'localhost/twinedge/web:sample', example: 'registry.example.com/web:1.4.2', meaning: 'The web app; by default the sample, built here.' },
  WEB_BLUE_IMAGE: { on: front, default: null, meaning: 'Another one for the blue slot; a swap sets it.' },
  WEB_GREEN_IMAGE: { on: front, default: null, meaning: 'Another one for the green slot; a swap sets it.' },
  WEB_CONTEXT: { on: front, default: 'images/web/sample', meaning: 'The folder that it is built from, if it is built here.' },
  WEB_DOCKERFILE: { on: front, default: '../Dockerfile', meaning: 'The Dockerfile, from that folder.' },
  WEB_FROM: { on: front, default: 'source', kind: choice('source', 'artifact'), meaning: 'artifact: from frontend-standalone.tar.gz in that folder, with nothing compiled.' },
  WEB_BUILD_ID: { on: front, default: null, meaning: 'The build\'s id, if it is built here; by default a random one.' },
  NODE_IMAGE: { on: front, default: 'node:26-bookworm-slim', meaning: 'What the web app is built on.' },
  API_IMAGE: { on: back, default: 'localhost/twinedge/api:sample', example: 'registry.example.com/api:1.4.2', meaning: 'The API; by default the sample, built here.' },
  API_BLUE_IMAGE: { on: back, default: null, meaning: 'Another one for the blue slot; a swap sets it.' },
  API_GREEN_IMAGE: { on: back, default: null, meaning: 'Another one for the green slot; a swap sets it.' },
  API_CONTEXT: { on: back, default: 'images/api/sample', meaning: 'The folder that it is built from, if it is built here.' },
  API_DOCKERFILE: { on: back, default: '../Dockerfile', meaning: 'The Dockerfile, from that folder.' },
  PYTHON_IMAGE: { on: back, default: 'python:3.13-slim-trixie', meaning: 'What the API is built on; Python 3.10 or later.' },
  API_APP: { on: back, default: 'sample_api.app:app', example: 'excelmanus.api:app', meaning: 'The module that uvicorn serves, if it is built here.' },
  API_EXTRAS: { on: back, default: null, example: 'web', meaning: 'Groups of optional dependencies that it needs, if it is built here.' },
  API_PACKAGES: { on: back, default: null, example: 'psycopg2-binary httpx[socks]', meaning: 'Packages that it needs besides, if it is built here.' },
  EDGE_IMAGE: { on: both, default: 'localhost/twinedge/proxy:local', meaning: 'The edge; by default built here.' },

  COMPOSE_FILE: { part: 'What runs', on: both, default: null, meaning: 'What `docker compose` takes when it is given no -f.' },
  COMPOSE_PROFILES: { on: both, default: null, example: 'web-blue', kind: someOf(profiles), meaning: 'The slots that run: web-blue or web-green, api-blue or api-green; and postgres.' },
  COMPOSE_PROJECT_NAME: { on: both, default: 'twinedge', kind: projectName, meaning: 'Another one for a second stack on the same machine, with other ports.' },
  ENV_FILE: { on: both, default: '.env', meaning: 'The file whose variables the containers get. For a second stack on the same machine another one, together with `docker compose --env-file`.' },
  WEB_ENV_FILE: { on: front, default: null, example: 'web.env', meaning: 'Another file for what the web app gets, which need not be there. On a single server it must not be that of the API, which has secrets in it.' },
  SERVER: { on: both, default: null, kind: choice('single', 'frontend', 'backend'), meaning: 'single: both compose files on one server.' },
  HTTP_PORT: { part: 'Ports', on: both, default: '80', kind: port, meaning: 'Where plain HTTP is taken, to redirect it and for ACME.' },
  HTTPS_PORT: { on: both, default: '443', kind: port, meaning: 'Where HTTPS is taken.' },
  MONITOR_PORT: { on: both, default: null, example: '9100', kind: port, meaning: 'Health and metrics, on 127.0.0.1 alone.' },
  WEB_BLUE_PORT: { on: front, default: '3001', kind: port, meaning: 'Of the blue slot.' },
  WEB_GREEN_PORT: { on: front, default: '3002', kind: port, meaning: 'Of the green slot.' },
  SAMPLE_API_PORT: { on: front, default: '8000', kind: port, meaning: 'Of the sample API, while API_ORIGIN is not set.' },
  API_BLUE_PORT: { on: back, default: '8001', kind: port, meaning: 'Of the blue slot.' },
  API_GREEN_PORT: { on: back, default: '8002', kind: port, meaning: 'Of the green slot.' },

  EDGE_MEMORY: { part: 'Memory: one half fits a server with 1 GB, both want 2 GB', on: both, default: '256m', kind: memory, meaning: 'Of the edge, at most.' },
  WEB_MEMORY: { on: front, default: '384m', kind: memory, meaning: 'Of a web slot.' },
  API_MEMORY: { on: back, default: '384m', kind: memory, meaning: 'Of an API slot.' },

  POSTGRES_IMAGE: { part: 'PostgreSQL, if COMPOSE_PROFILES names it; never reachable from outside', on: back, default: 'postgres:17', meaning: 'The API finds it as db:5432.' },
  POSTGRES_DB: { on: back, default: 'app', meaning: 'The database.' },
  POSTGRES_USER: { on: back, default: 'app', meaning: 'Its user.' },
  POSTGRES_PASSWORD: { on: back, default: null, isSecret: true, meaning: 'Needed with PostgreSQL: 16 characters or more.' },
  EXCELMANUS_DATABASE_URL: { on: back, default: null, example: 'postgresql://app:PASSWORD@db:5432/app', isSecret: true, meaning: 'How the API finds it, with the password from above; DATABASE_URL for other apps.' },
  POSTGRES_MEMORY: { on: back, default: '192m', kind: memory, meaning: 'At most.' },

  EXCELMANUS_AUTH_ENABLED: { part: app, on: back, default: null, example: 'true', kind: flag, meaning: 'Whether users must log in.' },
  EXCELMANUS_JWT_SECRET: { on: back, default: null, isSecret: true, meaning: 'Signs logins: 32 random characters or more, the same from start to start. `openssl rand -base64 36` makes one.' },
  EXCELMANUS_CORS_ALLOW_ORIGINS: { on: back, default: null, example: 'https://example.com,https://www.example.com', meaning: 'Must name every one of DOMAINS, with https:// and commas between them.' },
  EXCELMANUS_API_KEY: { on: back, default: null, isSecret: true, meaning: 'Of the main model.' },
  EXCELMANUS_BASE_URL: { on: back, default: null, meaning: 'The endpoint of the main model.' },
  EXCELMANUS_MODEL: { on: back, default: null, meaning: 'The name of the main model.' },
  EXCELMANUS_OAUTH_PROXY: { on: back, default: null, meaning: 'For logins by Google from a server that does not reach it. EXCELMANUS_AUX_*, _VLM_*, _EMBEDDING_*, _GITHUB_* and _GOOGLE_* pass as well.' }
} as const satisfies Record<string, Variable>

export type VariableName = keyof typeof variables
