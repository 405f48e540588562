import { createHash } from 'node:crypto'

/**
 * By what an engine knows a layer that lies on others: those below it, and its own content. Two images have a layer in
 * common when they have its chain. @param diffIds sha256:… of the uncompressed layers, the lowest first
 */
export function chainsOf(diffIds: readonly string[]): string[] {
  const chains: string[] = []
  for (const diffId of diffIds) {
    const below = chains.at(-1)
    chains.push(below === undefined ? diffId : digestOf(`${below} ${diffId}`))
  }
  return chains
}

/** As engines write it: sha256:… */
export function digestOf(content: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

/** Of an engine's digest, what a file may be called. @throws TypeError for anything else */
export function hexOf(digest: string): string {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1]
  if (hex === undefined) throw new TypeError('not a digest')
  return hex
}
