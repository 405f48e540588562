// Two servers as a provider hands them over, and the operator's laptop, on the ground of test/doubles/wan: each server is
// a booted Debian 13 with its own disk, systemd and sshd, each reached by all of the ground at its one address.
//
//   t.test('…', { skip: whyNoServers() }, async t => {
//     const { frontend, backend, laptop, ground } = await layServers(t)             // bare ones
//     const { frontend, … } = await layServers(t, { engine: true })                // Docker runs on them already
//     await laptop.run('ssh', ['frontend', 'uname -a'])                            // as root; also ops@, plain@
//     await laptop.twinedge(['bootstrap', 'frontend'], { folder })                 // of this project, in that folder
//     await laptop.line.cut(); await laptop.line.heal(); await laptop.line.stats()  // between it and everybody else
//     await ground.wan.cut()                                                       // between the two servers
//     await frontend.run('docker', ['ps'])                                         // without ssh: how a test looks
//     await frontend.cutPower(); await frontend.boot()                             // on the same disk
//     const authority = await startDistantPebble(t, ground.clients)                // and the name server of all of them
//   })
//
// `apt-get update` and `apt-get install docker.io` work on them: /srv/debian is their mirror. Images come by ssh. With
// the test it all goes; what killed runs have left goes when the next begins.
import { join } from 'node:path'
import { type Ground, layGround } from '../wan/ground.ts'
import { nameFor } from '../wan/ip.ts'
import { allow } from '../wan/place.ts'
import type { Role } from '../wan/site/server.ts'
import { makeDisk } from './disk.ts'
import { Laptop, type LaptopWanted, SshFolder } from './laptop.ts'
import { folderOf, wipe, wipeLeftovers } from './leftovers.ts'
import { Machine } from './machine.ts'
import { roots } from './missing.ts'

export interface ServersWanted {
  /** Whether Docker is installed and runs, as after a bootstrap. */
  readonly engine?: boolean
  /** Between the two servers, one way. */
  readonly delayMs?: number
  readonly loss?: number
  readonly laptop?: LaptopWanted
}

export interface Servers {
  readonly ground: Ground
  readonly frontend: Machine
  readonly backend: Machine
  readonly laptop: Laptop
  /** A colleague's, with the same keys: `colleague` at 10.99.0.21 unless told otherwise. */
  addLaptop(wanted?: LaptopWanted): Promise<Laptop>
}

interface Owner {
  teardown(stop: () => unknown): void
}

/** @returns once all services of both run */
export async function layServers(owner: Owner, wanted: ServersWanted = {}): Promise<Servers> {
  const { engine = false, delayMs = 100, loss = 0 } = wanted
  const ground = await layGround(owner, { delayMs, loss })
  wipeLeftovers()
  allow('bbr') // a module elsewhere, and a server loads it for itself
  const desk = nameFor('desk')
  const home = folderOf(desk)
  closeWith(owner, () => wipe(desk))
  const ssh = new SshFolder(home)
  const publicKey = ssh.make()
  const layers = [...(engine ? ['engine'] : []), 'bare'].map(name => join(roots, name))
  const make = (role: Role): Machine => {
    const place = ground[role]
    const hostKey = makeDisk(folderOf(place.name), { hostName: role, nameServer: ground.clients.address, publicKey })
    ssh.add(role, place.address, hostKey)
    const machine = new Machine(ground, role, hostKey, layers)
    closeWith(owner, () => machine.close())
    return machine
  }
  const [frontend, backend] = [make('frontend'), make('backend')]
  const plugIn = (laptop: LaptopWanted = {}): Promise<Laptop> => Laptop.plugIn(ground, home, laptop)
  const [laptop] = await Promise.all([plugIn(wanted.laptop), frontend.boot(), backend.boot()])
  const addLaptop: Servers['addLaptop'] = another => plugIn({ name: 'colleague', address: '10.99.0.21', ...another })
  return { ground, frontend, backend, laptop, addLaptop }
}

function closeWith(owner: Owner, undo: () => void): void {
  const close = (): void => {
    process.off('exit', close)
    undo()
  }
  owner.teardown(close)
  process.once('exit', close)
}
