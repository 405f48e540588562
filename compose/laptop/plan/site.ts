/** The servers that a site may stand on: two, each with one half, or one with both. */
export type ServerName = 'frontend' | 'backend' | 'single'
/** The halves of the app that are built, shipped and swapped. */
export type Part = 'web' | 'api'

/** What deploy.yaml says: a site, as a laptop knows it. */
export interface Site {
  /** Absolute path of deploy.yaml. */
  readonly file: string
  /** Where it lies; what its paths are relative to. */
  readonly folder: string
  /** Compose's project on each server, and the folder of the images' names: localhost/NAME/web. */
  readonly name: string
  /** As DOMAINS in each server's `.env`. */
  readonly domains: readonly string[]
  /** One named single; or frontend and backend, in this order. */
  readonly servers: readonly ServerPlan[]
  readonly parts: Readonly<Record<Part, PartPlan>>
  /** How images get to the servers: by ssh, or by way of a registry, which both sides are logged in to. */
  readonly ship: 'ssh' | 'registry'
  readonly hooks: Hooks
  /** What must answer below 400, asked from the laptop at the address of the entry, once a deploy has swapped. */
  readonly verify: readonly string[]
}

export interface ServerPlan {
  readonly name: ServerName
  /** For ssh: a host of its config, user@host, or ssh://user@host:port. */
  readonly ssh: string
  /** A private key, absolute; null: as ssh finds it. */
  readonly key: string | null
  /** A configuration of ssh's own, absolute; null: the user's. */
  readonly sshConfig: string | null
  /** At which DNS points, or would. */
  readonly address: string
  /** On the server: compose files, `.env`, the tool. */
  readonly folder: string
  /** On the laptop: this server's `.env`, absolute. */
  readonly envFile: string
  /** It runs both halves, and can do without the other server: the backend, where deploy.yaml says so. */
  readonly standby?: true
}

export interface PartPlan {
  /** Absolute folder of the app's source. */
  readonly source: string
  /** Absolute path of the Dockerfile: by default images/web/Dockerfile or images/api/Dockerfile of this project. */
  readonly dockerfile: string
  /** --build-arg. Never a secret: they end up in the image. */
  readonly args: Readonly<Record<string, string>>
  /** In a registry, without a tag; null: images are named localhost/NAME/PART. */
  readonly image: string | null
}

/** Commands of the operator's, run on the laptop by its shell, in the folder of deploy.yaml; null: none. */
export interface Hooks {
  /** Before anything is built; an exit code other than 0 ends the deploy. */
  readonly before: string | null
  /** After a deploy that serves; told, but nothing is undone if it fails. */
  readonly after: string | null
  /** After one that failed. */
  readonly failed: string | null
}

/** What its stack is made of: one that can do without the other server has what a single one has. */
export function stackKindOf({ name, standby }: Pick<ServerPlan, 'name' | 'standby'>): ServerName {
  return standby === true ? 'single' : name
}

/** What a server runs. */
export function partsOn(server: Pick<ServerPlan, 'name' | 'standby'>): readonly Part[] {
  const kind = stackKindOf(server)
  return kind === 'single' ? ['web', 'api'] : [kind === 'frontend' ? 'web' : 'api']
}

/** Which server runs a part for users. */
export function serverOf(site: Site, part: Part): ServerPlan {
  const half = part === 'web' ? 'frontend' : 'backend'
  // Without both halves there is one server, which has everything.
  return site.servers.find(({ name }) => name === half) ?? site.servers[0]!
}

/** Where the web app runs, too, for the day on which its own server is dead; null: nowhere. */
export function standbyOf({ servers }: Pick<Site, 'servers'>): ServerPlan | null {
  return servers.find(({ standby }) => standby) ?? null
}
