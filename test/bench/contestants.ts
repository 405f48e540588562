/** One proxy in the race. */
export interface Contestant {
  readonly name: string
  /** Looked for in PATH and the sbin folders; with a slash: below this project. */
  readonly binary: string
  /** How to get it where it is missing. */
  readonly get: string
  /** Below peers/; its {{words}} are filled in. */
  readonly config?: string
  /** With {{words}}, too; `{{config}}` is the written file. */
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly version: readonly string[]
  readonly protocols: readonly ('h1' | 'h2')[]
  /** Whose version is told instead of the binary's: the folder of a package.json, below this project. */
  readonly package?: string
  /** True: only `request` measures it, unless it is asked for by name. */
  readonly isExtra?: true
}

const both = ['h1', 'h2'] as const
const nginx = {
  binary: 'nginx',
  get: 'apt install nginx',
  args: ['-c', '{{config}}'],
  version: ['-v'],
  protocols: both
}
const script = { binary: process.execPath, get: 'npm install', version: ['-v'], isExtra: true } as const
const scriptArgs = ['{{port}}', 'http://{{upstream}}', '{{cert}}', '{{key}}'] as const

/** The first is what every ratio is to; the second is the other yardstick. */
export const contestants: readonly Contestant[] = [
  { name: 'nginx (manual)', config: 'manual.conf', ...nginx },
  { name: 'nginx (tuned)', config: 'tuned.conf', ...nginx },
  {
    name: 'haproxy',
    binary: 'haproxy',
    get: 'apt install haproxy',
    config: 'haproxy.cfg',
    args: ['-db', '-f', '{{config}}'],
    version: ['-v'],
    protocols: both
  },
  {
    name: 'caddy',
    binary: 'caddy',
    get: 'apt install caddy',
    config: 'Caddyfile',
    args: ['run', '--adapter', 'caddyfile', '--config', '{{config}}'],
    env: { GOMAXPROCS: '1', HOME: '{{folder}}', XDG_DATA_HOME: '{{folder}}', XDG_CONFIG_HOME: '{{folder}}' },
    version: ['version'],
    protocols: both
  },
  {
    name: 'twinedge',
    binary: 'scripts/twinedge',
    get: 'npm install',
    config: 'twinedge.yaml',
    args: ['run', '--config', '{{config}}'],
    package: '.',
    version: [],
    protocols: both
  },
  {
    name: 'http-proxy-3',
    package: 'node_modules/http-proxy-3',
    args: ['http-proxy-3.ts', ...scriptArgs],
    protocols: ['h1'],
    ...script
  },
  {
    name: '@fastify/http-proxy',
    package: 'node_modules/@fastify/http-proxy',
    args: ['fastify-http-proxy.ts', ...scriptArgs],
    protocols: both,
    ...script
  }
]
