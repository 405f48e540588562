import { chmodSync, existsSync, mkdtempSync, readdirSync, readlinkSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command } from '../../command.ts'
import { docker } from '../../stack/engine.ts'

/**
 * The files of an image, in a folder that is kept for the next test: unpacking takes seconds.
 * @returns null where no engine has the image
 */
export async function unpackedImage(image: string): Promise<string | null> {
  const { code, out } = await docker(['image', 'inspect', '-f', '{{.Id}}', image]).catch(() => ({ code: 1, out: '' }))
  if (code !== 0) return null
  const name = `te-image-${image.replace(/\W+/g, '-')}-`
  const folder = join(tmpdir(), name + out.trim().slice(7, 19))
  if (existsSync(folder)) return folder
  removeUnused(name)
  const work = mkdtempSync(join(tmpdir(), 'te-unpacking-'))
  const container = (await docker(['create', image])).out.trim()
  try {
    const script = 'docker export "$0" | tar -x -C "$1"'
    const unpacked = await command('/bin/bash', ['-o', 'pipefail', '-c', script, container, work])
    if (unpacked.code !== 0) throw new Error(`${image} cannot be unpacked: ${unpacked.err}`)
    chmodSync(work, 0o755) // the image's user enters it, too
    if (!existsSync(folder)) renameSync(work, folder)
    return folder
  } finally {
    await docker(['rm', container])
    rmSync(work, { recursive: true, force: true })
  }
}

/** Those of the image's earlier builds, unless a process still runs in one. */
function removeUnused(name: string): void {
  const used = new Set(
    readdirSync('/proc')
      .filter(entry => /^\d+$/.test(entry))
      .map(rootOf)
  )
  for (const entry of readdirSync(tmpdir()).filter(entry => entry.startsWith(name))) {
    const folder = join(tmpdir(), entry)
    if (!used.has(folder)) rmSync(folder, { recursive: true, force: true })
  }
}

function rootOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/root`)
  } catch {
    return ''
  }
}
