// Two servers on one machine, and whoever comes to them, each in a network namespace of its own:
//
//   frontend 10.99.0.1 ──────── a long, lossy line (wan.py, packet by packet) ──────── backend 10.99.0.2
//          └───── the public net, which costs no time: clients 10.99.0.10, stranger 10.99.0.66 ─────┘
//
// Each server has one address, which all of them reach; what one server sends the other goes over the long line. The
// kernel in each is Debian's own (cubic), whatever this host's is. Needs root; see `whyNoWan()`.
//
//   t.test('…', { skip: whyNoWan() }, async t => {
//     const ground = await layGround(t)                              // 100 ms each way, no loss
//     const api = await startApp(ground.backend, 'api')              // uvicorn on :8001, as all of them find it
//     const edge = await startEdgeProcess(t, yaml, {}, ground.frontend.command)   // control socket on disk
//     const visitor = ground.clients.visitor()
//     await visitor.ask('request', { target: { address: ground.frontend.address, … }, path: '/' })
//     await ground.wan.loss(0.01); await ground.wan.cut(); await ground.wan.heal(); await ground.wan.stats()
//     await ground.backend.run('curl', ['-s', 'http://10.99.0.1:3001/'])
//     ground.backend.tune('tuned')                                   // BBR, no slow start after idle
//   })
//
// With the test it all goes: the processes in the namespaces, then the namespaces. So do those of killed runs.
import { execFileSync } from 'node:child_process'
import { inside, ip, ipBatch, nameFor, turnOffOffloads } from './ip.ts'
import { release, releaseLeftovers } from './leftovers.ts'
import { type Kernel, Place } from './place.ts'
import { directions, Wan } from './wan.ts'

export interface Ground {
  readonly frontend: Place
  readonly backend: Place
  /** Where visitors are, and what else the internet has: a name server, an authority. */
  readonly clients: Place
  /** Somebody else on the public net. */
  readonly stranger: Place
  readonly wan: Wan
  /** The namespace of what joins them, with the public net's bridge. */
  readonly internet: string
  /** One more, which goes with the ground: it has no way out yet. */
  addPlace(role: string, address: string): Place
  /** Pulls a server's cables out, or puts them in again. */
  plug(server: Place, isIn: boolean): void
  close(): void
}

export interface Wanted {
  /** One way. */
  readonly delayMs?: number
  readonly loss?: number
  readonly kernel?: Kernel
}

const addresses = { frontend: '10.99.0.1', backend: '10.99.0.2', clients: '10.99.0.10', stranger: '10.99.0.66' }
// Linux's defaults: a host's own are copied into its namespaces.
const stockBuffers = { tcp_rmem: '4096 131072 6291456', tcp_wmem: '4096 16384 4194304' }
// A server's answer may leave by another device than the question came in by.
const noReversePath = { 'conf/all/rp_filter': '0', 'conf/default/rp_filter': '0' }

/** @param owner a test, or whoever else promises to call what it is given */
export async function layGround(
  owner: { teardown(stop: () => unknown): void },
  { delayMs = 100, loss = 0, kernel = 'stock' }: Wanted = {}
): Promise<Ground> {
  releaseLeftovers()
  const internet = nameFor('internet')
  const names = [internet]
  const close = (): void => {
    process.off('exit', close)
    for (const name of names.toReversed()) release(name)
  }
  const addPlace = (role: string, address: string): Place => {
    const place = new Place(nameFor(role), address)
    names.push(place.name)
    layPlace(place)
    place.tune(kernel)
    return place
  }
  owner.teardown(close)
  process.once('exit', close)
  const place = (role: keyof typeof addresses): Place => addPlace(role, addresses[role])
  const [frontend, backend] = [place('frontend'), place('backend')]
  const [clients, stranger] = [place('clients'), place('stranger')]
  layPublicNet(internet, [frontend, backend, clients, stranger])
  layLine(internet, frontend, backend)
  const wan = new Wan(inside(internet), directions)
  await wan.started()
  await wan.delay(delayMs)
  await wan.loss(loss)
  const plug = (server: Place, isIn: boolean): void => {
    const [index, state] = [server === frontend ? 0 : 1, isIn ? 'up' : 'down']
    ipBatch(internet, `link set port${index} ${state}\nlink set ${directions[index]} ${state}`)
  }
  return { frontend, backend, clients, stranger, wan, internet, addPlace, plug, close }
}

function layPublicNet(internet: string, places: readonly Place[]): void {
  ip(['netns', 'add', internet])
  silenceIpv6(internet)
  ipBatch(internet, 'link add public type bridge\nlink set public up')
  for (const [index, place] of places.entries()) {
    const { name, address } = place
    ipBatch(internet, `link add port${index} type veth peer name net0 netns ${name}`)
    ipBatch(internet, `link set port${index} master public up`)
    ipBatch(name, `address add ${address}/24 dev net0\nlink set net0 up`)
  }
}

function layPlace(place: Place): void {
  ip(['netns', 'add', place.name])
  silenceIpv6(place.name)
  ipBatch(place.name, 'link set lo up')
  place.set({ ...stockBuffers, ...noReversePath })
}

/**
 * The neighbours are written down: were they asked for, the first packet would take two round trips, and a cut line would
 * soon say "no route to host", which no cut line says.
 */
function layLine(internet: string, frontend: Place, backend: Place): void {
  const ends = [frontend, backend]
  const [mac, device] = [(n: number): string => `02:00:00:00:00:0${n}`, (n: number): string => `line${n}`]
  for (const [n, direction] of directions.entries()) {
    ipBatch(internet, `link add ${direction} type veth peer name ${device(n)} address ${mac(n)}`)
  }
  turnOffOffloads(internet, [...directions, device(0), device(1)]) // before they move
  for (const [n, end] of ends.entries()) {
    const [other, otherMac] = [ends[1 - n]?.address, mac(1 - n)]
    ipBatch(internet, `link set ${device(n)} netns ${end.name} name wan\nlink set ${directions[n]} up`)
    const routes = `route add ${other}/32 dev wan src ${end.address}`
    ipBatch(end.name, `link set wan up\nneighbour add ${other} lladdr ${otherMac} nud permanent dev wan\n${routes}`)
  }
}

/** On devices to come; loopback keeps its ::1. Its chatter would be on the line, and in the counters. */
function silenceIpv6(name: string): void {
  const [first = '', ...rest] = [...inside(name), '/bin/sh', '-c']
  const setting = '/proc/sys/net/ipv6/conf/default/disable_ipv6'
  execFileSync(first, [...rest, `[ ! -e ${setting} ] || echo 1 > ${setting}`], { stdio: 'pipe' })
}
