import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { twinedge } from '../doubles/command.ts'
import { dayMs, Issuer } from '../fixtures/certificates.ts'
import { folder } from '../proxy/control/control.ts'

async function configFile(t: { teardown(undo: () => unknown): void }, more = '') {
  const file = join(await folder(t), 'edge.yaml')
  const text =
    'server: single\ndomains: [example.com]\n' +
    'upstreams: { web: { origin: http://127.0.0.1:3001 } }\nroutes: [{ path: /, upstream: web }]\n'
  await writeFile(file, text + more)
  return file
}

t.test('a file without fault: one line, exit 0', async t => {
  const file = await configFile(t)
  t.same(await twinedge(['check', file]), { code: 0, out: `${file}: ok (1 domains, 1 upstreams, 1 routes)\n`, err: '' })
})

t.test('a link says where it leads', async t => {
  const file = await configFile(t, 'link: { peer: "2001:db8::7" }\n')
  const peer = '[2001:db8::7]:7443'
  t.match(await twinedge(['check', file]), { code: 0, out: `1 routes, a link to ${peer})` })
  t.match(JSON.parse((await twinedge(['check', file, '--json'])).out), { ok: true, peer })
})

t.test('every fault at once, with its line, and exit 1', async t => {
  const file = await configFile(t, 'limits: { conections: 5 }\nlog: { level: loud }\n')
  const { code, out, err } = await twinedge(['check', file])
  t.same([code, out], [1, ''])
  t.match(err, /^CONFIG_INVALID:\n.*:5 .*did you mean "connections"\?\n.*:6 .*loud.*\nnext: /)
  const json = await twinedge(['check', file, '--json'])
  t.equal(json.code, 1)
  t.match(JSON.parse(json.out), { ok: false, code: 'CONFIG_INVALID', detail: /conections/, next: String })
})

t.test(
  'the certificates that the file names are read: a key that does not fit is a fault, old age a warning',
  async t => {
    const issuer = await Issuer.make(await folder(t))
    const [good, other] = [await issuer.files('good', ['example.com']), await issuer.files('other', ['example.com'])]
    const old = await issuer.files('old', ['example.com'], new Date(Date.now() - 200 * dayMs))
    const check = async (cert: string, key: string) => {
      return twinedge([
        'check',
        await configFile(t, `tls: { mode: files, certificates: [{ cert: ${cert}, key: ${key} }] }\n`)
      ])
    }
    t.equal((await check(good.cert, good.key)).code, 0)
    const unfit = await check(good.cert, other.key)
    t.equal(unfit.code, 1)
    t.match(unfit.err, /^TLS_KEY_MISMATCH: /)
    const late = await check(old.cert, old.key)
    t.equal(late.code, 0)
    t.match(late.out, /^warning: .*expired/m)
  }
)

t.test('no file, and a file that is not there', async t => {
  t.equal((await twinedge(['check'])).code, 2)
  const { code, err } = await twinedge(['check', '/nowhere/edge.yaml'])
  t.equal(code, 1)
  t.match(err, /^CONFIG_MISSING: \/nowhere\/edge\.yaml: there is no such file\nnext: /)
})
