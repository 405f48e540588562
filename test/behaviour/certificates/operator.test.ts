import { chown, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { twinedge } from '../../doubles/command.ts'
import { startEdge, yamlFor } from '../../doubles/edge.ts'
import { type PebbleOptions, pebbleMissing, startPebble } from '../../doubles/pebble/pebble.ts'
import { freePorts } from '../../doubles/ports.ts'
import { acmeYaml, isTrusted, shownFor } from '../../fixtures/acme-edge.ts'
import { Issuer } from '../../fixtures/certificates.ts'

const skip = pebbleMissing('debian')

async function start(t: Test, options: Partial<PebbleOptions> = {}, tls = '') {
  const ports = await freePorts(2)
  const pebble = await startPebble(t, { httpPort: ports[0]!, tlsPort: ports[1]!, ...options })
  const yaml = acmeYaml({ pebble, ports, tls })
  const edge = await startEdge(t, yaml)
  const socket = ['--socket', join(edge.folder, 'control.sock')]
  return { ports, pebble, yaml, edge, certs: (...args: string[]) => twinedge(['certs', ...args, ...socket]) }
}

t.test('list, renew by force, and try against another directory', { skip }, async t => {
  const { pebble, edge, certs, ports } = await start(t)
  await edge.line(({ message }) => message === 'certificate issued')
  const list = await certs()
  t.match(list.out, /localhost +.*Pebble.* +18\d\d +20\d\d-/)
  t.match(list.out, edge.edge.keyring.answer().thumbprint!)
  const serial = (await shownFor('localhost', ports[1]!)).serialNumber
  t.match((await certs('renew')).out, /not due/)
  t.match(await certs('renew', 'localhost', '--force'), { code: 0, out: /begun/ })
  await edge.line(
    line =>
      line.message === 'certificate issued' &&
      line !== edge.lines.find(({ message }) => message === 'certificate issued')
  )
  t.not((await shownFor('localhost', ports[1]!)).serialNumber, serial)

  // What an authority offers for trying: here a second Pebble, which looks at the same ports.
  const staging = await startPebble(t, { httpPort: ports[0]!, tlsPort: ports[1]! })
  const now = (await shownFor('localhost', ports[1]!)).serialNumber
  const untrusted = await certs('renew', '--dry-run', '--directory', staging.directory)
  t.match(untrusted, { code: 1, out: /ACME_DIRECTORY_UNREACHABLE/ }, 'a directory that is not trusted')
  await writeFile(pebble.caFile, pebble.ca + staging.ca)
  const rehearsed = await certs('renew', '--dry-run', '--directory', staging.directory)
  t.match(rehearsed, { code: 0, out: /localhost/ })
  t.equal((await shownFor('localhost', ports[1]!)).serialNumber, now, 'what serves is as it was')
  const json = JSON.parse((await certs('renew', '--dry-run', '--directory', staging.directory, '--json')).out)
  t.match(json, { renewals: [{ name: 'localhost', outcome: 'issued', issuer: /Pebble/ }] })
})

t.test("certbot's folder is taken over, without an order", { skip }, async t => {
  const ports = await freePorts(2)
  const nowhere = { directory: 'https://127.0.0.1:9/dir', caFile: '/dev/null' }
  const edge = await startEdge(t, acmeYaml({ pebble: nowhere, ports }))
  const folder = await mkdtemp(join(tmpdir(), 'letsencrypt-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const issuer = await Issuer.make(folder)
  const { cert, key } = await issuer.files('localhost', ['localhost'])
  for (const part of ['live/localhost', 'archive/localhost']) await mkdir(join(folder, part), { recursive: true })
  await writeFile(join(folder, 'live/README'), 'This directory contains your keys and certificates.')
  for (const [name, from] of [
    ['fullchain', cert],
    ['privkey', key]
  ] as const) {
    await writeFile(join(folder, `archive/localhost/${name}1.pem`), await readFile(from))
    await symlink(`../../archive/localhost/${name}1.pem`, join(folder, `live/localhost/${name}.pem`))
  }
  const socket = ['--socket', join(edge.folder, 'control.sock')]
  t.match(await twinedge(['certs', 'import', folder, ...socket]), { code: 0, out: /localhost/ })
  t.ok(await isTrusted(issuer.root.cert, 'localhost', ports[1]!), 'it serves at once')
  t.match((await twinedge(['certs', ...socket])).out, /localhost +O=twinedge.* +89 /)
  t.match(edge.edge.keyring.answer().renewals, [{ state: 'waiting', failures: 0 }])

  const other = await issuer.files('other', ['localhost'])
  await writeFile(join(folder, 'archive/localhost/privkey1.pem'), await readFile(other.key))
  const mixed = await twinedge(['certs', 'import', folder, ...socket])
  t.match(mixed, { code: 1, err: /^TLS_KEY_MISMATCH: .*\nnext: give the key/ })
  t.ok(await isTrusted(issuer.root.cert, 'localhost', ports[1]!), 'and what served serves')
})

t.test('a folder can be taken over before the first start, which then serves it from its first moment', async t => {
  const ports = await freePorts(2)
  const nowhere = { directory: 'https://127.0.0.1:9/dir', caFile: '/dev/null' }
  const folder = await mkdtemp(join(tmpdir(), 'letsencrypt-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const issuer = await Issuer.make(folder)
  const lineages = Array.from({ length: 45 }, (_, i) => (i === 44 ? 'localhost' : `other${i}.test`))
  for (const name of lineages) {
    const { cert, key } = await issuer.files(name, [name])
    await mkdir(join(folder, 'live', name), { recursive: true })
    await writeFile(join(folder, 'live', name, 'fullchain.pem'), await readFile(cert))
    await writeFile(join(folder, 'live', name, 'privkey.pem'), await readFile(key))
  }
  const state = join(folder, 'state')
  await mkdir(state)
  const isRoot = process.getuid?.() === 0
  if (isRoot) await chown(state, 65_534, 65_534)
  const file = join(folder, 'edge.yaml')
  await writeFile(file, `${acmeYaml({ pebble: nowhere, ports })}\nstate: "${state}"\n`)
  const imported = await twinedge(['certs', 'import', folder, '--config', file])
  t.match(imported, { code: 0, out: /live\/localhost: stored for localhost/ })
  t.equal(imported.out.trim().split('\n').length, 45, 'each is told of')
  const pem = await stat(join(state, 'acme', 'certificates', 'localhost.pem'))
  t.same([pem.mode & 0o777, pem.uid], [0o600, isRoot ? 65_534 : process.getuid?.()], 'for whom the folder belongs to')
  const edge = await startEdge(t, acmeYaml({ pebble: nowhere, ports }), state)
  t.ok(await isTrusted(issuer.root.cert, 'localhost', ports[1]!))
  const again = await twinedge(['certs', 'import', folder, '--socket', join(edge.folder, 'control.sock')])
  t.match(again, { code: 1, out: /live\/localhost: not stored: what is stored lasts as long/ }, 'and by a running edge')
  const local = await twinedge(['certs', 'import', folder, '--config', file], {
    EDGE_TLS: '{ mode: local }',
    EDGE_CONTROL_SOCKET: join(folder, 'none')
  })
  t.match(local, { code: 1, err: /^ACME_OFF: tls\.mode is local/ })
})

t.test('in another mode the list shows what serves, and there is nothing to renew', async t => {
  const edge = await startEdge(t, yamlFor({ web: 'http://127.0.0.1:9' }))
  const socket = ['--socket', join(edge.folder, 'control.sock')]
  t.match(await twinedge(['certs', ...socket]), { code: 0, out: /localhost, example\.test +O=twinedge/ })
  const renew = await twinedge(['certs', 'renew', '--force', ...socket])
  t.match(renew, { code: 1, err: /^ACME_OFF: tls\.mode is local\nnext: set tls\.mode: acme/ })
})

t.test('a profile, and advice that says now', { skip: pebbleMissing('new') }, async t => {
  const profiles = { classic: 90 * 86_400, shortlived: 120 }
  const { pebble, edge, yaml, ports } = await start(t, { version: 'new', profiles }, 'profile: shortlived')
  await edge.line(({ message }) => message === 'certificate issued')
  const first = await shownFor('localhost', ports[1]!)
  t.equal(Math.round((Date.parse(first.valid_to) - Date.parse(first.valid_from)) / 1_000 / 10), 12)
  await edge.edge.stop()
  const pem = await readFile(join(edge.folder, 'acme/certificates/localhost.pem'), 'utf8')
  const [leaf] = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/.exec(pem)!
  const ago = (hours: number): string => new Date(Date.now() - hours * 3_600_000).toISOString()
  await pebble.setRenewalInfo(leaf, { suggestedWindow: { start: ago(2), end: ago(1) } })
  const again = await startEdge(t, yaml, edge.folder)
  // Not before a tenth of its life is over, and long before half of it.
  await again.line(({ message }) => message === 'certificate issued')
  t.ok(Date.now() < Date.parse(first.valid_from) + 50_000)
  t.not((await shownFor('localhost', ports[1]!)).serialNumber, first.serialNumber)
  t.notMatch(JSON.stringify(again.lines), /not renewed/)
})

t.test('an account that is bound to another, with the key in a file', { skip }, async t => {
  const folder = t.testdir()
  const hmac = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W'
  const keyFile = join(folder, 'eab.key')
  await writeFile(keyFile, `${hmac}\n`)
  const { edge } = await start(t, { eab: { 'kid-1': hmac } }, `eab: { kid: kid-1, key: "${keyFile}" }`)
  await edge.line(({ message }) => message === 'certificate issued')
  t.notMatch(JSON.stringify(edge.lines), hmac)
})
