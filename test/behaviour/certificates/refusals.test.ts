import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type FailureCode, failures } from '../../../proxy/errors.ts'
import { twinedge } from '../../doubles/command.ts'
import { startEdge } from '../../doubles/edge.ts'
import { type PebbleOptions, pebbleMissing, startPebble } from '../../doubles/pebble/pebble.ts'
import { freePorts } from '../../doubles/ports.ts'
import { type AcmePart, acmeYaml, shownFor } from '../../fixtures/acme-edge.ts'
import { problem, type Script, startScripted } from '../../proxy/acme/ca/scripted-authority.ts'

type RenewalCode = Extract<FailureCode, `ACME_${string}` | 'EDGE_DISK_FULL'>
/** These two have tests of their own: of the command, and with an authority that issues nonsense. */
type Elsewhere = 'ACME_OFF' | 'ACME_CERTIFICATE_UNFIT'

interface Provocation {
  /** The words that the operator is to see: the authority's own, where it has some. */
  readonly words: RegExp
  provoke(t: Test): Promise<Omit<AcmePart, 'ports'> & { readonly ports: readonly number[]; readonly state?: string }>
}

const skip = pebbleMissing('debian')
const isRoot = process.getuid?.() === 0

const provocations: Record<Exclude<RenewalCode, Elsewhere>, Provocation> = {
  ACME_DIRECTORY_UNREACHABLE: {
    words: /ECONNREFUSED/,
    async provoke() {
      const [closed, ...ports] = await freePorts(3)
      return { pebble: { directory: `https://127.0.0.1:${closed}/dir`, caFile: '/dev/null' }, ports }
    }
  },
  ACME_ACCOUNT_REFUSED: {
    words: /externalAccountRequired/,
    provoke: t =>
      withPebble(t, { eab: { 'kid-1': 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W' } })
  },
  ACME_DOMAIN_ELSEWHERE: {
    words: /unauthorized/,
    async provoke(t) {
      const other = await freePorts(2)
      const pebble = await startPebble(t, { httpPort: other[0]!, tlsPort: other[1]! })
      // Somebody else's edge is where DNS points.
      await startEdge(t, acmeYaml({ pebble, ports: other, domains: ['stranger.test'] }))
      return { pebble, ports: await freePorts(2) }
    }
  },
  ACME_PORT_BLOCKED: {
    words: /refused/,
    async provoke(t) {
      const [closed] = await freePorts(1)
      return { pebble: await startPebble(t, { httpPort: closed! }), ports: await freePorts(2) }
    }
  },
  ACME_RATE_LIMITED: {
    words: /too many certificates/,
    provoke: t =>
      withScript(t, { '/order': problem(429, 'rateLimited', 'too many certificates', { 'retry-after': '60' }) })
  },
  ACME_ORDER_REFUSED: {
    words: /localhost.*rejectedIdentifier|rejectedIdentifier/,
    provoke: t => withPebble(t, { blocklist: ['localhost'] })
  },
  ACME_AUTHORITY_FAILED: {
    words: /out to lunch/,
    provoke: t => withScript(t, { '/order': problem(500, 'serverInternal', 'out to lunch') })
  },
  ACME_CLOCK_WRONG: {
    words: /just issued, it is good from .* and here it is/,
    // Over before it could be stored, as with a clock that is far ahead.
    provoke: t => withPebble(t, { validity: 2 })
  },
  EDGE_DISK_FULL: {
    words: /no space left/,
    async provoke(t) {
      const state = mkdtempSync(join(tmpdir(), 'te-'))
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', state])
      t.teardown(() => {
        execFileSync('umount', [state])
        rmdirSync(state)
      })
      // Started once, so that nothing but the order needs room.
      const part = await withScript(t, { '/order': problem(500, 'serverInternal', 'out to lunch') })
      const before = await startEdge(t, acmeYaml(part), state)
      await before.edge.stop()
      execFileSync('sh', ['-c', 'rm -f acme/certificates/*.json; cat /dev/zero >filler; true'], {
        cwd: state,
        stdio: 'ignore'
      })
      return { ...part, state }
    }
  }
}

t.test('every refusal that an operator can meet here is provoked', async t => {
  const elsewhere: Elsewhere[] = ['ACME_OFF', 'ACME_CERTIFICATE_UNFIT']
  const codes = Object.keys(failures).filter(code => code.startsWith('ACME_') || code === 'EDGE_DISK_FULL')
  t.same([...Object.keys(provocations), ...elsewhere].sort(), codes.sort())
})

for (const [code, { words, provoke }] of Object.entries(provocations)) {
  const why = code === 'EDGE_DISK_FULL' && !isRoot ? 'needs root, to mount a small disk' : skip
  t.test(`${code}: told in the log, in health and by the command, and what serves goes on`, { skip: why }, async t => {
    const { state, ...part } = await provoke(t)
    const edge = await startEdge(t, acmeYaml(part), state)
    const line = await edge.line(({ message }) => message === 'certificate not renewed')
    t.match(line, { level: 'warn', code, detail: words, next: failures[code as FailureCode].next, failures: 1 })
    t.ok(Date.parse(`${line.again}`) > Date.now(), 'when it is tried again')
    t.match((await shownFor('localhost', edge.httpsPort)).subjectaltname, /localhost/)
    const socket = ['--socket', join(edge.folder, 'control.sock')]
    const health = await twinedge(['health', ...socket])
    t.equal(health.code, 0, 'an edge that serves is healthy')
    t.match(health.out, new RegExp(`warning: localhost: .*${code}`))
    t.match(health.out, words)
    const certs = await twinedge(['certs', ...socket])
    for (const said of [code, words, failures[code as FailureCode].next]) t.match(certs.out, said)
    t.match(
      (await twinedge(['metrics', ...socket])).out,
      'twinedge_certificate_renewal_failures{domains="localhost"} 1'
    )
  })
}

t.test('port 80 that somebody else has: the edge says so and does not start', async t => {
  const ports = await freePorts(2)
  const taken = await startEdge(t, acmeYaml({ pebble: nowhere, ports }))
  const [, other] = await freePorts(2)
  const start = startEdge(t, acmeYaml({ pebble: nowhere, ports: [taken.httpPort, other!] }))
  await t.rejects(start, { code: 'EDGE_PORT_TAKEN', next: /ss -ltnp/ })
})

const nowhere = { directory: 'https://127.0.0.1:9/dir', caFile: '/dev/null' }

async function withPebble(t: Test, options: Partial<PebbleOptions> = {}) {
  const ports = await freePorts(2)
  return { pebble: await startPebble(t, { httpPort: ports[0]!, tlsPort: ports[1]!, ...options }), ports }
}

async function withScript(t: Test, script: Script) {
  const { directory, ca } = await startScripted(t, script)
  const caFile = join(t.testdir(), 'ca.pem')
  writeFileSync(caFile, ca)
  return { pebble: { directory, caFile }, ports: await freePorts(2) }
}
