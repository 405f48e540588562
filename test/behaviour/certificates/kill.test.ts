// An edge that ends in the middle of an order.
// At each of ten moments, and with the half minute that a lease outlives a kill, with WAN=long only.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { twinedge } from '../../doubles/command.ts'
import { readUntil } from '../../doubles/edge.ts'
import { connectTo, type EdgeProcess, startEdgeProcess, until } from '../../doubles/edge-process.ts'
import { pebbleMissing, startPebble } from '../../doubles/pebble/pebble.ts'
import { freePorts } from '../../doubles/ports.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'
import { acmeYaml, isTrusted, shownFor } from '../../fixtures/acme-edge.ts'

const skip = pebbleMissing('debian')
const isLong = process.env.WAN === 'long'
/** From the first write to past the end of an order on this machine. */
const momentsMs = [0, 5, 20, 100, 250, 400, 600, 800, 1_000, 1_300]
const decisiveMs = [20, 250, 600]

/** Processes that ask an authority for this edge, by /proc. */
function childrenOf(edge: EdgeProcess): string[] {
  return readFileSync(`/proc/${edge.child.pid}/task/${edge.child.pid}/children`, 'utf8').split(' ').filter(Boolean)
}

const isAlive = (pid: string): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** As if half a minute had gone by since whoever holds it was killed. */
function lapse(state: string): void {
  const path = join(state, 'acme', 'lease')
  if (existsSync(path)) writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), until: 0 }))
}

t.test('kill -9 in the middle of an order, at whatever moment', { skip }, async t => {
  const ports = await freePorts(2)
  const [httpPort, tlsPort] = ports as [number, number]
  const pebble = await startPebble(t, { httpPort, tlsPort })
  const state = await mkdtemp(join(tmpdir(), 'twinedge-'))
  t.teardown(() => rm(state, { recursive: true, force: true }))
  const yaml = `${acmeYaml({ pebble, ports })}\nstate: "${state}"\n`
  // Each start must serve, whatever it finds.
  for (const afterMs of isLong ? momentsMs : decisiveMs) {
    // Else none but the first would be killed in an order of its own.
    lapse(state)
    const edge = await startEdgeProcess(t, yaml)
    t.match((await shownFor('localhost', edge.httpsPort)).subjectaltname, /localhost/, `after ${afterMs} ms more`)
    await twinedge(['certs', 'renew', '--force', '--socket', join(state, 'control.sock')])
    await pause(afterMs)
    const asking = childrenOf(edge)
    edge.child.kill('SIGKILL')
    await edge.exit
    await until(() => !asking.some(isAlive), 'what asked the authority is gone with it')
  }
  if (!isLong) lapse(state)
  const edge = await startEdgeProcess(t, yaml)
  await twinedge(['certs', 'renew', '--force', '--socket', join(state, 'control.sock')])
  // A lease that a kill has left lapses within half a minute.
  await edge.line(({ message }) => message === 'certificate issued')
  t.ok(await isTrusted(pebble.issuingRoot, 'localhost', edge.httpsPort))
  const left = readdirSync(join(state, 'acme')).filter(name => !/^(account\.key|certificates|lease.*)$/.test(name))
  t.same(left, [], 'nothing else is in the folder')
  edge.child.kill('SIGTERM')
  t.match(await edge.exit, { code: 0 })
})

t.test('SIGTERM in the middle of an order ends the edge at once, and counts for nothing', { skip }, async t => {
  const ports = await freePorts(2)
  const [httpPort, tlsPort] = ports as [number, number]
  const slow = { PEBBLE_VA_NOSLEEP: '0', PEBBLE_VA_SLEEPTIME: '15' }
  const pebble = await startPebble(t, { httpPort, tlsPort, env: slow })
  const edge = await startEdgeProcess(t, acmeYaml({ pebble, ports }))
  const record = join(edge.folder, 'acme', 'certificates', 'localhost.json')
  const failures = (): number => JSON.parse(readFileSync(record, 'utf8')).failures
  const isOrdering = async () => /ordering/.test((await twinedge(['certs', '--socket', edge.socket])).out)
  await until(isOrdering, 'an order is under way')
  const asking = childrenOf(edge)
  t.equal(asking.length, 1)
  const began = performance.now()
  edge.child.kill('SIGTERM')
  t.match(await edge.exit, { code: 0 })
  t.ok(performance.now() - began < 5_000)
  t.notOk(asking.some(isAlive))
  t.equal(failures(), 0)
})

t.test(
  'two edges on one folder, as when one takes over from the other: one order, and both serve it',
  { skip },
  async t => {
    const ports = await freePorts(4)
    const [httpPort, tlsPort] = ports as [number, number, number, number]
    const pebble = await startPebble(t, { httpPort, tlsPort })
    const state = await mkdtemp(join(tmpdir(), 'twinedge-'))
    t.teardown(() => rm(state, { recursive: true, force: true }))
    const yaml = (at: readonly number[], name: string): string =>
      `${acmeYaml({ pebble, ports: at })}\nstate: "${state}"\ncontrol: { socket: "${state}/${name}.sock" }\n`
    const edges = await Promise.all([
      startEdgeProcess(t, yaml(ports.slice(0, 2), 'one')),
      startEdgeProcess(t, yaml(ports.slice(2), 'two'))
    ])
    const isServed = () => Promise.all(edges.map(edge => isTrusted(pebble.issuingRoot, 'localhost', edge.httpsPort)))
    const late = performance.now() + 30_000
    while ((await isServed()).includes(false) && performance.now() < late) await pause(200)
    t.same(await isServed(), [true, true])
    const serials = await Promise.all(edges.map(edge => shownFor('localhost', edge.httpsPort)))
    t.equal(serials[0]!.serialNumber, serials[1]!.serialNumber)
    t.equal(pebble.said().match(/issued certificate serial/gi)?.length, 1, pebble.said().slice(-2_000))
  }
)

t.test('SIGTERM with a stream in flight: the authority is asked for nothing while it ends', { skip }, async t => {
  const ports = await freePorts(2)
  const pebble = await startPebble(t, {
    httpPort: ports[0]!,
    tlsPort: ports[1]!,
    env: { PEBBLE_VA_SLEEPTIME: '15', PEBBLE_VA_NOSLEEP: '0' }
  })
  const upstream = await startRawUpstream(t, socket => {
    socket.write(
      'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n6\r\nfirst\n\r\n'
    )
  })
  const edge = await startEdgeProcess(
    t,
    acmeYaml({ pebble, ports, domains: ['localhost', 'b.test'], origin: upstream.origin })
  )
  const open = await connectTo(edge)
  open.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await readUntil(open, 'first')
  const isOrdering = async () => /ordering/.test((await twinedge(['certs', '--socket', edge.socket])).out)
  await until(isOrdering, 'an order is under way')
  const asking = childrenOf(edge)
  edge.child.kill('SIGTERM')
  await edge.line(({ message }) => message === 'stopping')
  await until(() => !asking.some(isAlive), 'it is asked no more')
  upstream.connections[0]!.write('7\r\nsecond\n\r\n0\r\n\r\n')
  await readUntil(open, 'second')
  t.match(await edge.exit, { code: 0 })
  t.same(
    edge.lines.filter(({ message }) => message === 'certificate not renewed'),
    []
  )
})
