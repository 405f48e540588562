import { rmSync } from 'node:fs'
import { isThere } from '../command.ts'
import { ip, ownerOf } from './ip.ts'

/** Ends what runs in a namespace, then the namespace. Not there: nothing to do. */
export function release(name: string): void {
  for (const pid of pidsIn(name)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended meanwhile.
    }
  }
  rmSync(`/etc/netns/${name}`, { recursive: true, force: true })
  try {
    ip(['netns', 'del', name])
  } catch {
    // Somebody else has removed it.
  }
}

/** Removes what killed runs have left: namespaces that carry the name of a process that is no more. */
export function releaseLeftovers(): void {
  for (const line of ip(['netns', 'list']).split('\n')) {
    const [name = ''] = line.split(' ')
    const owner = ownerOf(name)
    if (owner !== null && !isThere(owner)) release(name)
  }
}

function pidsIn(name: string): number[] {
  try {
    return ip(['netns', 'pids', name]).split('\n').filter(Boolean).map(Number)
  } catch {
    return []
  }
}
