import { EdgeError } from '../../../proxy/errors.ts'
import { docker } from '../../image/docker.ts'
import { refuseUnfit } from '../image/artifact.ts'
import {
  type Building,
  type Built,
  buildPart,
  imageName,
  newTag,
  ownDockerfile,
  refuseWithoutDocker
} from '../image/build.ts'
import { buildThere, refuseWithoutBuildx } from '../image/cold.ts'
import { type Origin, originOf } from '../image/context.ts'
import { isSamePlatform, platformOf } from '../image/platform.ts'
import { type Part, type Site, serverOf, standbyOf } from '../plan/site.ts'
import { shipByRegistry } from '../ship/registry.ts'
import { foreseeShip, type Shipped, shipImage } from '../ship/ship.ts'
import type { Progress } from '../ship/transfer.ts'
import { isCommit, lastBuild, shortSource } from '../site/deploys.ts'
import type { Line } from '../ssh/line.ts'
import type { Ssh } from '../ssh/ssh.ts'
import { stockOn } from '../standby/stock.ts'

/** Where images come from, and how they get to the servers. */
export interface Workshop {
  /**
   * Nobody waits for one build to be told that the other cannot be; what nobody has committed is told of. What `make`
   * builds then is what HEAD, or a branch, is now.
   * @throws EdgeError BUILD_*, DEPLOY_NO_IMAGE, SHIP_ARCH_OTHER
   */
  check(part: Part): Promise<void>
  /** What `make` would do, in words. */
  describe(part: Part): Promise<string>
  /** What `ship` would do, by the image that was built last. */
  foresee(part: Part): Promise<string>
  /** @throws EdgeError BUILD_*, DEPLOY_NO_IMAGE */
  make(part: Part): Promise<Pick<Built, 'reference' | 'from'>>
  /** @returns null when nobody has counted its bytes @throws EdgeError SHIP_*, SSH_* */
  ship(part: Part, reference: string): Promise<Shipped | null>
}

/** How the operator wants images made. */
export interface Making extends Pick<Building, 'platform' | 'artifact'> {
  /** Nothing is built: the one that was built last. */
  readonly isSkipped: boolean
  /** On the server itself. */
  readonly isCold: boolean
  /** A commit, or null. */
  readonly ref: string | null
  /** The working tree as it is. */
  readonly isLocal: boolean
}

export interface Yard {
  readonly site: Site
  readonly lines: readonly Line[]
  readonly now: () => Date
  readonly say: (line: string) => void
  readonly progress: (what: string, progress: Progress) => void
  /** The operator wants it stopped: what is built or shipped then is left as it is. */
  readonly signal?: AbortSignal
}

export function workshopOf({ site, lines, now, say, progress, signal }: Yard, making: Making): Workshop {
  const { isSkipped, isCold, ref, isLocal, platform = null, artifact = null } = making
  const tag = newTag(now())
  const lineOf = (part: Part): Line => lines.find(({ server }) => server === serverOf(site, part))!
  /** Where the web app's image goes, too; it may be away. */
  const standbyFor = (part: Part): Line | undefined =>
    part === 'web' ? lines.find(({ server }) => server === standbyOf(site)) : undefined
  const partly = (part: Part): Building => ({
    ...{ tag, isLocal, platform, signal, say: line => say(`${part}: ${line}`) },
    // An artifact is the web app's.
    artifact: part === 'web' ? artifact : null,
    ...(ref === null ? {} : { ref })
  })
  /** Of each part that was checked. Somebody may commit, or change to another branch, while the first of them is built. */
  const checked = new Map<Part, string>()
  const pinned = (part: Part): Building => {
    const from = checked.get(part)
    return from !== undefined && isCommit(from) ? { ...partly(part), ref: from } : partly(part)
  }
  return {
    async check(part) {
      if (!isCold) await refuseWithoutDocker()
      if (isSkipped) return void (await lastOf(site, part))
      const ssh = await lineOf(part).ssh()
      checked.set(part, await checkBuild(ssh, site, part, partly(part)))
      const standby = standbyFor(part)
      if (standby !== undefined)
        await refuseOtherStandby(await standby.ssh(), part, platform ?? (await platformOf(ssh)))
      if (isCold) await refuseWithoutBuildx(ssh)
    },
    async describe(part) {
      if (isSkipped) return `${await lastOf(site, part)}, as it was built last`
      const { source, dockerfile } = site.parts[part]
      const of = originWords(source, await originOf(source, partly(part)))
      return `${imageName(site, part, tag)}, of ${of} by ${dockerfile}, on ${isCold ? lineOf(part).server.name : 'this laptop'}`
    },
    async foresee(part) {
      const { name } = lineOf(part).server
      const standby = standbyFor(part)?.server.name
      const also = standby === undefined ? '' : `; and to ${standby}, the standby`
      if (isCold)
        return `built on ${name}${standby === undefined ? ': nothing is shipped' : `, copied to ${standby}, the standby`}`
      if (site.ship === 'registry') return `pushed to ${imageName(site, part, tag)}, from there to ${name}${also}`
      const last = await lastOf(site, part).catch(() => null)
      if (last === null) return `shipped to ${name}, whole: none was built on this laptop yet${also}`
      const bytes = await foreseeShip(await lineOf(part).ssh(), last)
      const of = isSkipped ? '' : ', were it the one that was built last'
      return `shipped to ${name}: ${megabytes(bytes)} are missing there${of}${also}`
    },
    async make(part) {
      if (isSkipped) return { reference: await lastOf(site, part), from: lastBuild }
      const ssh = await lineOf(part).ssh()
      if (isCold) return buildThere(ssh, site, part, pinned(part))
      return buildPart(site, part, { ...pinned(part), platform: platform ?? (await platformOf(ssh)) })
    },
    async ship(part, reference) {
      const standby = standbyFor(part)
      if (standby !== undefined) await shipTo(standby, part, reference)
      return isCold ? null : shipTo(lineOf(part), part, reference)
    }
  }

  async function shipTo(line: Line, part: Part, reference: string): Promise<Shipped | null> {
    const ssh = await line.ssh()
    const tell = (line: string): void => say(`${part}: ${line}`)
    const shipped = progress.bind(null, `${part} to ${ssh.server.name}`)
    const shipping = { reference, say: tell, progress: shipped, signal }
    if (isCold) {
      tell(`copying it from ${lineOf(part).server.name} to ${ssh.server.name}, by way of this laptop`)
      return shipImage(ssh, { ...shipping, stock: stockOn(lineOf(part)) })
    }
    if (site.ship === 'ssh') return shipImage(ssh, shipping)
    await shipByRegistry(ssh, shipping)
    return null
  }
}

/** What would be found out after minutes. @returns what it would be built of @throws EdgeError BUILD_*, SHIP_ARCH_OTHER */
async function checkBuild(ssh: Ssh, site: Site, part: Part, building: Building): Promise<string> {
  const { source, dockerfile } = site.parts[part]
  const { platform = null, artifact, say } = building
  const { from, uncommitted } = await originOf(source, building)
  const files = uncommitted === 1 ? '1 file is' : `${uncommitted} files are`
  if (uncommitted > 0) say(`WARNING: ${files} not committed as they lie there, and not in it: --from-local takes them`)
  const theirs = await platformOf(ssh)
  if (platform !== null && theirs !== null && !isSamePlatform(platform, theirs)) {
    throw new EdgeError('SHIP_ARCH_OTHER', `${part} would be for ${platform}, and ${ssh.server.name} is ${theirs}`)
  }
  if (artifact) await refuseUnfit(artifact, theirs, dockerfile === ownDockerfile(part))
  return from
}

/** One image serves on both. */
async function refuseOtherStandby(standby: Ssh, part: Part, platform: string | null): Promise<void> {
  const there = await platformOf(standby)
  if (platform === null || there === null || isSamePlatform(platform, there)) return
  throw new EdgeError(
    'SHIP_ARCH_OTHER',
    `${part} would be for ${platform}, and ${standby.server.name}, the standby, is ${there}`
  )
}

/** `../app/web at 6b522cb01`; an artifact has nothing to do with the source. */
function originWords(source: string, { from }: Origin): string {
  if (from.startsWith('artifact')) return from
  return from === 'working tree' ? `${source} as it lies there` : `${source} at ${shortSource(from)}`
}

/** By their tags, which are times. @throws EdgeError DEPLOY_NO_IMAGE */
async function lastOf(site: Site, part: Part): Promise<string> {
  const pattern = imageName(site, part, 'deploy-*')
  const { stdout } = await docker([
    'image',
    'ls',
    '--format',
    '{{.Repository}}:{{.Tag}}',
    '--filter',
    `reference=${pattern}`
  ])
  const last = stdout.split('\n').sort().at(-1) ?? ''
  if (last !== '') return last
  throw new EdgeError('DEPLOY_NO_IMAGE', `${pattern}: none was built on this laptop yet`)
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}
