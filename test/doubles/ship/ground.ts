import { mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { connectSsh, type Ssh } from '../../../compose/laptop/ssh/ssh.ts'
import { project } from '../command.ts'
import { type SshPlace, type SshServer, startSshServer } from '../ssh/server.ts'
import { type SecondEngine, startEngine } from './engine.ts'

/** A server with an engine of its own, and the tool; this machine's engine is the laptop's. */
export interface ShipGround {
  readonly engine: SecondEngine
  readonly server: SshServer
  connect(): Promise<Ssh>
  /** What lies in its folder of pieces. */
  pieces(): string[]
}

interface Owner {
  teardown(stop: () => unknown): void
}

/** @param kind whether its engine keeps images in containerd; where it is; a folder of programs that come first there */
export async function layShipGround(
  t: Owner,
  kind: { isContainerd?: boolean; place?: SshPlace; programs?: string } = {}
): Promise<ShipGround> {
  const engine = await startEngine(t, kind)
  const path = kind.programs === undefined ? {} : { PATH: `${kind.programs}:/usr/local/bin:/usr/bin:/bin` }
  const server = await startSshServer(t, 'single', { DOCKER_HOST: engine.host, ...path }, kind.place)
  mkdirSync(server.plan.folder)
  symlinkSync(project, `${server.plan.folder}/tool`)
  const folder = `${server.plan.folder}/site/pieces`
  return {
    engine,
    server,
    pieces: () => readdirSync(folder).filter(name => !name.startsWith('visit-')),
    async connect() {
      const ssh = await connectSsh(server.plan)
      t.teardown(() => ssh.close())
      return ssh
    }
  }
}
