import type { Ground } from '../wan/ground.ts'
import { inside, ip, ipBatch, turnOffOffloads } from '../wan/ip.ts'
import type { Place } from '../wan/place.ts'
import { Wan } from '../wan/wan.ts'

/** A direction, by whose packets they are. */
export const lineDirections = ['from-laptop', 'from-net'] as const
export type LineDirection = (typeof lineDirections)[number]

/** Somebody's own way to the public net: a long, lossy line which nobody else is on. */
export async function layAccessLine(ground: Ground, place: Place): Promise<Wan<LineDirection>> {
  const line = ground.addPlace('line', '')
  const last = Number(place.address.split('.').at(-1))
  const [mac, port] = [`02:00:00:00:01:${last.toString(16).padStart(2, '0')}`, `access${last}`]
  ipBatch(
    line.name,
    `link add from-laptop type veth peer name net0 address ${mac}\nlink add from-net type veth peer name ${port}`
  )
  // Before they move: a namespace's devices can only be set from inside.
  turnOffOffloads(line.name, [...lineDirections, 'net0', port])
  ipBatch(line.name, `link set net0 netns ${place.name}\nlink set from-laptop up`)
  ipBatch(line.name, `link set ${port} netns ${ground.internet}\nlink set from-net up`)
  ipBatch(ground.internet, `link set ${port} master public up`)
  ipBatch(place.name, `address add ${place.address}/24 dev net0\nlink set net0 up`)
  for (const other of [ground.frontend, ground.backend, ground.clients, ground.stranger]) {
    // As on the line between the servers: asked for, they would cost a round trip, and tell of a cut.
    knowNeighbour(place, other, macOf(other))
    knowNeighbour(other, place, mac)
  }
  const emulator = new Wan<LineDirection>(inside(line.name), lineDirections)
  await emulator.started()
  return emulator
}

function knowNeighbour(place: Place, other: Place, mac: string): void {
  ipBatch(place.name, `neighbour add ${other.address} lladdr ${mac} nud permanent dev net0`)
}

function macOf(place: Place): string {
  const [link] = JSON.parse(ip(['-n', place.name, '-j', 'link', 'show', 'net0'])) as [{ address: string }]
  return link.address
}
