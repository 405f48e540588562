import { createHash, randomBytes } from 'node:crypto'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { pack } from 'tar-stream'
import { docker as engine } from '../stack/engine.ts'

interface Owner {
  teardown(stop: () => unknown): void
}

/** A layer's tar: one file of so many bytes that nothing compresses. */
export function layerOf(bytes: number, content: Buffer = randomBytes(bytes)): Buffer {
  const tar = pack()
  tar.entry({ name: `file-${createHash('sha256').update(content).digest('hex').slice(0, 8)}`, mode: 0o644 }, content)
  tar.finalize()
  const chunks: Buffer[] = []
  for (let chunk = tar.read() as Buffer | null; chunk !== null; chunk = tar.read() as Buffer | null) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** What `docker save` writes of an image of these layers. */
export function archiveOf(name: string, layers: readonly Buffer[], architecture = machine()): Readable {
  const rootfs = { type: 'layers', diff_ids: layers.map(diffIdOf) }
  const config = { architecture, os: 'linux', created: new Date().toISOString(), config: { Cmd: ['true'] }, rootfs }
  const places = layers.map((_, at) => `${at}/layer.tar`)
  const tar = pack()
  tar.entry(
    { name: 'manifest.json', mode: 0o644 },
    JSON.stringify([{ Config: 'c.json', RepoTags: [name], Layers: places }])
  )
  tar.entry(
    { name: 'c.json', mode: 0o644 },
    JSON.stringify({ ...config, history: layers.map(() => ({ created_by: 'test' })) })
  )
  layers.forEach((layer, at) => void tar.entry({ name: places[at]!, mode: 0o644 }, layer))
  tar.finalize()
  return tar
}

export function diffIdOf(layer: Buffer): string {
  return `sha256:${createHash('sha256').update(layer).digest('hex')}`
}

/** Gives this machine's engine, the laptop's, an image of these layers. @returns its name */
export async function makeImage(t: Owner, layers: readonly Buffer[], architecture = machine()): Promise<string> {
  const name = `localhost/te-ship/${randomBytes(4).toString('hex')}:one`
  const folder = mkdtempSync(join(tmpdir(), 'te-image-'))
  const file = join(folder, 'image.tar')
  await pipeline(archiveOf(name, layers, architecture), createWriteStream(file))
  const { code, err } = await engine(['load', '--quiet', '--input', file])
  rmSync(folder, { recursive: true })
  if (code !== 0) throw new Error(err)
  t.teardown(() => engine(['image', 'rm', '--force', name]))
  return name
}

function machine(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch
}
