import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type FailureCode, failures } from '../../../proxy/errors.ts'
import { laptopFailures } from '../../../proxy/failures/laptop/laptop.ts'
import { command, type Outcome, project, twinedge } from '../../doubles/command.ts'
import { yamlFor } from '../../doubles/edge.ts'
import { startEdgeProcess } from '../../doubles/edge-process.ts'
import { isTrusted, shownFor } from '../../fixtures/acme-edge.ts'
import { Issuer } from '../../fixtures/certificates.ts'

/** What goes wrong with an order is told by an edge that serves: see test/behaviour/certificates/refusals.test.ts. */
type OfRenewal = `ACME_${string}` | 'EDGE_DISK_FULL'
/** What goes wrong with a change of a stack is told by the commands: see test/compose/failures.test.ts. */
type OfChange = Exclude<Extract<FailureCode, `COMPOSE_${string}`>, 'COMPOSE_ENV_REFUSED'>
/** What goes wrong with a slot too: see test/behaviour/swaps and test/proxy/control/slots.test.ts. */
type OfSlots = 'EDGE_SLOT_UNHEALTHY' | 'EDGE_SLOT_ACTIVE'
/** What goes wrong with a build that comes: see test/behaviour/assets. */
type OfAssets = Extract<FailureCode, `EDGE_ASSETS_${string}`>
/** What goes wrong with the link: see test/behaviour/link and test/wan. */
type OfLink = Extract<FailureCode, `LINK_${string}`>
/** What goes wrong on the way from a laptop to a server: see test/compose/laptop and test/laptop. */
type OfLaptop = keyof typeof laptopFailures
type OperatorCode = {
  [C in FailureCode]: (typeof failures)[C]['status'] extends 0
    ? C extends OfRenewal | OfSlots | OfAssets | OfLink | OfLaptop | OfChange
      ? never
      : C
    : never
}[FailureCode]

interface Provocation {
  /** What the line must name. */
  readonly names: RegExp
  provoke(t: Test, folder: string): Promise<Outcome>
}

const NOBODY = 65_534
const yaml = yamlFor({ web: 'http://127.0.0.1:9' })

const provocations: Record<OperatorCode, Provocation> = {
  EDGE_PORT_TAKEN: {
    names: /127\.0\.0\.1:\d+ is in use$/,
    async provoke(t, folder) {
      const other = createServer().listen(0, '127.0.0.1')
      await new Promise(resolve => other.once('listening', resolve))
      t.teardown(() => other.close())
      const { port } = other.address() as { port: number }
      return run(folder, yaml.replace('https: "127.0.0.1:0"', `https: "127.0.0.1:${port}"`))
    }
  },
  EDGE_PORT_FORBIDDEN: {
    names: /127\.0\.0\.1:443 needs a privilege$/,
    provoke: (_t, folder) => runAsNobody(folder, yaml.replace('https: "127.0.0.1:0"', 'https: "127.0.0.1:443"'))
  },
  EDGE_ADDRESS_MISSING: {
    names: /192\.0\.2\.1:443: .*EADDRNOTAVAIL/,
    provoke: (_t, folder) => run(folder, yaml.replace('https: "127.0.0.1:0"', 'https: "192.0.2.1:443"'))
  },
  EDGE_STATE_UNWRITABLE: {
    names: /\/dev\/null\/state\/.*ENOTDIR/,
    provoke: (_t, folder) => run(folder, `${yaml}\nstate: /dev/null/state\n`)
  },
  EDGE_ALREADY_RUNNING: {
    names: /another edge answers at .*control\.sock$/,
    async provoke(t) {
      const first = await startEdgeProcess(t, yaml)
      return twinedge(['run', '--config', first.file])
    }
  },
  EDGE_NOT_RUNNING: {
    names: /nobody answers at .*none\.sock/,
    provoke: (_t, folder) => twinedge(['status', '--socket', join(folder, 'none.sock')])
  },
  EDGE_USAGE: { names: /--confg/, provoke: () => twinedge(['run', '--confg', 'x']) },
  CONFIG_MISSING: {
    names: /none\.yaml/,
    provoke: (_t, folder) => twinedge(['run', '--config', join(folder, 'none.yaml')])
  },
  CONFIG_INVALID: {
    names: /edge\.yaml:2 +domains\[0\] .*\n.*edge\.yaml:\d+ +rotues .*did you mean "routes"/,
    provoke: (_t, folder) => run(folder, yaml.replace('[localhost, ', '[-x, ').replace('routes:', 'rotues:'))
  },
  COMPOSE_ENV_REFUSED: {
    names: /\nDOMAINS +found "a\.cn, b\.cn"; +expected brackets.*\nTLS_MODE .*\nAPI_ORIGIN +found nothing/,
    provoke: () => twinedge(['env', 'check', 'frontend'], { DOMAINS: 'a.cn, b.cn' })
  },
  TLS_FILE_UNREADABLE: {
    names: /none\.key: .*ENOENT/,
    async provoke(_t, folder) {
      const { cert } = await (await Issuer.make(folder)).files('a', ['localhost', 'example.test'])
      return run(folder, withFiles(cert, join(folder, 'none.key')))
    }
  },
  TLS_CERTIFICATE_INVALID: {
    names: /a\.pem: no PEM certificate/,
    async provoke(_t, folder) {
      const { cert, key } = await (await Issuer.make(folder)).files('a', ['localhost', 'example.test'])
      await writeFile(cert, 'nothing of the kind')
      return run(folder, withFiles(cert, key))
    }
  },
  TLS_KEY_MISMATCH: {
    names: /b\.key: it does not fit .*a\.pem$/,
    async provoke(_t, folder) {
      const issuer = await Issuer.make(folder)
      const a = await issuer.files('a', ['localhost', 'example.test'])
      const b = await issuer.files('b', ['localhost', 'example.test'])
      return run(folder, withFiles(a.cert, b.key))
    }
  },
  TLS_DOMAIN_UNCOVERED: {
    names: /no certificate for example\.test$/,
    async provoke(_t, folder) {
      const { cert, key } = await (await Issuer.make(folder)).files('a', ['localhost'])
      const file = join(folder, 'edge.yaml')
      await writeFile(file, withFiles(cert, key))
      return twinedge(['check', file])
    }
  }
}

t.test('every failure that only an operator sees has a test that provokes it', async t => {
  const codes = (Object.keys(failures) as FailureCode[]).filter(
    code =>
      failures[code].status === 0 &&
      !(code in laptopFailures) &&
      !/^(?:ACME|LINK)_|^EDGE_DISK_FULL$|^EDGE_(?:SLOT|ASSETS)_|^COMPOSE_(?!ENV_)/.test(code)
  )
  t.same(Object.keys(provocations).sort(), codes.sort())
})

for (const [code, { names, provoke }] of Object.entries(provocations)) {
  const needsRoot = code === 'EDGE_PORT_FORBIDDEN' && process.getuid?.() !== 0
  const skip = needsRoot ? 'needs root, to give it up' : ''
  t.test(`${code}: what is wrong, what to do next, no stack, exit 1`, { skip }, async t => {
    const folder = await mkdtemp(join(tmpdir(), 'twinedge-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    const outcome = await provoke(t, folder)
    const [said = '', next = ''] = outcome.err.trimEnd().split('\nnext: ')
    t.equal(outcome.code, code === 'EDGE_USAGE' ? 2 : 1, outcome.out + outcome.err)
    t.ok(said.startsWith(`${code}:`), said)
    t.match(said, names)
    t.equal(next, failures[code as FailureCode].next.replace('VERB', 'run'))
    t.notMatch(outcome.err + outcome.out, /^ +at /m)
    t.ok(/^(?:CONFIG_INVALID|COMPOSE_ENV_REFUSED)$/.test(code) || !said.includes('\n'), 'one line')
  })
}

t.test(
  'a folder that belongs to somebody else is told as such',
  { skip: process.getuid?.() !== 0 && 'needs root' },
  async t => {
    const folder = await mkdtemp(join(tmpdir(), 'twinedge-'))
    const theirs = await mkdtemp(join(tmpdir(), 'twinedge-'))
    t.teardown(() => Promise.all([folder, theirs].map(path => rm(path, { recursive: true, force: true }))))
    const { code, err } = await runAsNobody(folder, `${yaml}\nstate: "${theirs}/state"\n`)
    t.equal(code, 1)
    t.match(err, /^EDGE_STATE_UNWRITABLE: .*EACCES.*\nnext: give this user the folder/)
  }
)

t.test('one bad certificate does not keep the other domains from starting', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'twinedge-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const issuer = await Issuer.make(folder)
  const [good, bad] = [await issuer.files('good', ['localhost']), await issuer.files('bad', ['example.test'])]
  await writeFile(bad.cert, 'cut')
  const pairs = [good, bad].map(({ cert, key }) => `    - { cert: "${cert}", key: "${key}" }`).join('\n')
  const edge = await startEdgeProcess(t, `${yaml}\ntls:\n  mode: files\n  certificates:\n${pairs}\n`)
  t.ok(await isTrusted(issuer.root.cert, 'localhost', edge.httpsPort))
  t.match(
    (await shownFor('example.test', edge.httpsPort)).issuer.CN,
    /^twinedge local authority/,
    'a way past it is left'
  )
  t.match(edge.lines, [{ level: 'warn', message: /TLS_CERTIFICATE_INVALID: .*bad\.pem/ }])
  t.match((await twinedge(['health', '--socket', edge.socket])).out, /warning: TLS_CERTIFICATE_INVALID: .*bad\.pem/)
  const reload = await twinedge(['reload', '--socket', edge.socket])
  t.match(
    [reload.code, reload.err],
    [1, /TLS_CERTIFICATE_INVALID/],
    'an operator who looks is told, and nothing changes'
  )
})

t.test('the demo says the same of a port that is taken', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'twinedge-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const other = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => other.once('listening', resolve))
  t.teardown(() => other.close())
  const { port } = other.address() as { port: number }
  const env = { EDGE_STATE: folder, EDGE_LISTEN_HTTP: '127.0.0.1:0', EDGE_LISTEN_HTTPS: `127.0.0.1:${port}` }
  const { code, out, err } = await twinedge(['run'], env)
  t.same([code, out], [1, ''])
  t.match(err, /^EDGE_PORT_TAKEN: 127\.0\.0\.1:\d+ is in use\nnext: .+\n$/)
})

async function write(folder: string, text: string): Promise<string> {
  const file = join(folder, 'edge.yaml')
  await writeFile(file, /^state:/m.test(text) ? text : `${text}\nstate: "${folder}/state"\n`)
  return file
}

async function run(folder: string, text: string): Promise<Outcome> {
  return twinedge(['run', '--config', await write(folder, text)])
}

async function runAsNobody(folder: string, text: string): Promise<Outcome> {
  const file = await write(folder, text)
  await chown(folder, NOBODY, NOBODY)
  const who = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--inh-caps=-all', '--bounding-set=-all']
  // tap gives each child its loaders, which write where nobody may not.
  const start = [join(project, 'scripts/twinedge'), 'run', '--config', file]
  return command('env', ['-u', 'NODE_OPTIONS', 'setpriv', ...who, ...start])
}

function withFiles(cert: string, key: string): string {
  return `${yaml}\ntls: { mode: files, certificates: [{ cert: "${cert}", key: "${key}" }] }\n`
}
