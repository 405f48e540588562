import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import { EdgeError } from '../../../proxy/errors.ts'

/** What an archive has in it. */
interface Content {
  hasStandalone: boolean
  /** For what its native modules were compiled: linux/amd64. */
  readonly platforms: Set<string>
}

/**
 * A web app that was built elsewhere, before anybody waits for what cannot become an image.
 * @param file a tar.gz
 * @param platform of the server; null: not known
 * @param isOurs whether the project's own Dockerfile makes the image, which takes a standalone output alone
 * @throws EdgeError BUILD_ARTIFACT_UNFIT
 */
export async function refuseUnfit(file: string, platform: string | null, isOurs: boolean): Promise<void> {
  const { hasStandalone, platforms } = await contentOf(file).catch(cause => {
    throw new EdgeError('BUILD_ARTIFACT_UNFIT', `${file} is no tar.gz: ${(cause as Error).message}`, cause)
  })
  if (isOurs && !hasStandalone) throw new EdgeError('BUILD_ARTIFACT_UNFIT', `${file} has no .next/standalone in it`)
  // A package may bring its modules for many platforms, and takes the one that fits.
  if (platform === null || platforms.size === 0 || platforms.has(platform)) return
  const built = [...platforms].sort().join(' and ')
  throw new EdgeError(
    'BUILD_ARTIFACT_UNFIT',
    `${file}: its native modules are for ${built}, and the server is ${platform}`
  )
}

async function contentOf(file: string): Promise<Content> {
  const content: Content = { hasStandalone: false, platforms: new Set() }
  const tar = extract()
  let entries = 0
  let unheard = 0
  tar.on('entry', ({ name }, body, next) => {
    entries++
    unheard = 0
    if (/^(?:\.\/)?\.next\/standalone\//.test(name)) content.hasStandalone = true
    let head = Buffer.alloc(0)
    body.on('data', (chunk: Buffer) => {
      unheard = 0
      if (head.length < headBytes) head = Buffer.concat([head, chunk.subarray(0, headBytes)])
    })
    body.on('end', () => {
      if (name.endsWith('.node')) content.platforms.add(platformIn(head))
      next()
    })
  })
  const bounded = async function* (plain: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of plain) {
      unheard += chunk.length
      if (unheard > mostHeadBytes) throw new Error('one of its headers has no end')
      yield chunk
    }
  }
  await pipeline(createReadStream(file), createGunzip(), bounded, tar)
  if (entries === 0) throw new Error('nothing is in it')
  return content
}

const headBytes = 20
/** tar-stream keeps in memory whatever a header has, of which an archive of 1 MB may have gigabytes. */
const mostHeadBytes = 16_000_000
/** e_machine, as ELF has it. */
const machines: Readonly<Record<number, string>> = { 62: 'linux/amd64', 183: 'linux/arm64' }

/** Of a compiled module, by its first bytes: ELF's, or another system's. */
function platformIn(head: Buffer): string {
  const isElf = head.length >= headBytes && head.readUInt32BE(0) === 0x7f454c46
  return isElf ? (machines[head.readUInt16LE(18)] ?? 'another machine') : 'another system'
}
