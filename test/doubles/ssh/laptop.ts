import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Outcome, project, twinedge } from '../command.ts'
import type { SshServer } from './server.ts'

/** A laptop with a deploy.yaml, and one server that is this machine, reached by real ssh. */
export interface Laptop {
  /** deploy.yaml */
  readonly site: string
  /** `twinedge VERB --site …`, as the folder of that file would have it. */
  twinedge(verb: string, ...args: string[]): Promise<Outcome>
}

export interface Place {
  /** Compose's project. */
  readonly project: string
  /** Of the compose files, on the server. */
  readonly folder: string
  /** The server's `.env`, which this laptop has as well. */
  readonly envFile: string
  readonly domains?: string
}

/** Its tool is this project's own code. */
export function makeLaptop({ plan, folder }: SshServer, place: Place): Laptop {
  const site = join(folder, 'deploy.yaml')
  symlinkSync(project, join(place.folder, 'tool'))
  writeFileSync(
    site,
    `site: ${place.project}
domains: ${place.domains ?? '[localhost]'}
servers:
  ${plan.name}:
    ssh: ${plan.ssh}
    ssh-config: ${plan.sshConfig}
    address: 127.0.0.1
    folder: ${place.folder}
    env: ${place.envFile}
web:
  source: .
api:
  source: .
`
  )
  return { site, twinedge: (verb, ...args) => twinedge([verb, '--site', site, ...args]) }
}
