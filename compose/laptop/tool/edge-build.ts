import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createZstdCompress } from 'node:zlib'
import { EdgeError } from '../../../proxy/errors.ts'
import { dockerSave } from '../../image/docker.ts'
import { carryOut } from '../bootstrap/actions.ts'
import type { EdgeBuild, Work } from '../bootstrap/step.ts'
import { buildEdge } from '../image/build.ts'
import { shipFile } from '../ship/bare.ts'
import { shipImage } from '../ship/ship.ts'
import type { Progress } from '../ship/transfer.ts'
import { ownImage, toolLabel } from '../steps/edge-image.ts'
import { packTool } from './archive.ts'
import { hashOf, manifestFile, manifestOf, toolFiles } from './files.ts'

const patienceMs = 10_000
/** Of a step of a Dockerfile: enough to know it by. */
const mostLetters = 70
const project = join(import.meta.dirname, '../../..')

/** The edge as this laptop has its source: built once, however many servers want it, and when the first one does. */
export async function edgeBuild(progress: (what: string, how: Progress) => void): Promise<EdgeBuild> {
  const files = await toolFiles(project)
  const [hash, manifest] = [hashOf(files), manifestOf(files)]
  const folder = await mkdtemp(join(tmpdir(), 'te-edge-'))
  const once = memory()
  return {
    hash,
    manifest,
    pack: () => once('tool', () => packTool([...files, manifestFile(manifest)])),
    async deliver(work) {
      const platform = work.facts.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64'
      await once(platform, () => build(work, platform, hash))
      const how = progress.bind(null, `edge to ${work.server.name}`)
      if (await shipLayers(work, how)) return
      const file = join(folder, `${platform.replace('/', '-')}.tar.zst`)
      await once(file, () => pack(file))
      await shipWhole(work, file, how)
    },
    close: () => rm(folder, { recursive: true, force: true })
  }
}

/** It takes minutes where nothing of it was built before: whoever waits hears how far it is. */
async function build({ say }: Work, platform: string, hash: string): Promise<void> {
  const beganMs = performance.now()
  const seconds = (): string => `${Math.round((performance.now() - beganMs) / 1_000)} s`
  let at = 'it begins'
  const timer = setInterval(() => say(`  the edge is being built here, ${seconds()}: ${at}`), patienceMs)
  try {
    const listen = (line: string): void => {
      at = line.length > mostLetters ? `${line.slice(0, mostLetters)}…` : line
    }
    await buildEdge({ platform, labels: { [toolLabel]: hash }, say: listen })
    say(`  the edge is built (${seconds()})`)
  } finally {
    clearInterval(timer)
  }
}

function memory(): <T>(name: string, work: () => Promise<T>) => Promise<T> {
  const done = new Map<string, Promise<unknown>>()
  return <T>(name: string, work: () => Promise<T>) => {
    const one = done.get(name) ?? work()
    done.set(name, one)
    return one as Promise<T>
  }
}

/** Every engine that will do reads it: a sixth less over the line than gzip, in less than half of its time. */
async function pack(file: string): Promise<void> {
  const { archive, ended } = dockerSave(ownImage)
  await Promise.all([pipeline(archive, createZstdCompress(), createWriteStream(file)), ended])
}

/** By the tool that is there, of this release or another that understands it. @returns whether it could */
async function shipLayers({ ssh, facts, say }: Work, progress: (how: Progress) => void): Promise<boolean> {
  if (facts.stack.tool === null) return false
  try {
    await shipImage(ssh, { reference: ownImage, say, progress })
    return true
  } catch (cause) {
    if (!(cause instanceof EdgeError) || !cause.code.startsWith('SERVER_TOOL_')) throw cause
    say(`its tool cannot take layers (${cause.code}): the image is sent whole`)
    return false
  }
}

/** To a server that has a shell and an engine. */
async function shipWhole(
  { ssh, server, say, edge }: Work,
  file: string,
  progress: (how: Progress) => void
): Promise<void> {
  const there = `${server.folder}/site/edge-${edge.hash.slice(0, 12)}.tar.zst`
  await shipFile(ssh, file, there, { asRoot: true, say, progress })
  await carryOut(ssh, { run: ['docker', 'load', '--quiet', '--input', there] })
  await carryOut(ssh, { run: ['rm', '-f', there] })
}
