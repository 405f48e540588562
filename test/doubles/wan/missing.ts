import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { ip, ipProgram, nameFor, python } from './ip.ts'
import { release } from './leftovers.ts'

/** Why the tests on two servers cannot run here, in one line; '' when they can. */
export function whyNoWan(): string {
  if (process.platform !== 'linux') return 'network namespaces are Linux: run it there'
  if (process.getuid?.() !== 0) return 'network namespaces take root: run it as root'
  if (ipProgram === null) return 'no program ip here: apt install iproute2'
  if (!existsSync(python)) return `no ${python} here: apt install python3`
  const probe = nameFor('probe')
  try {
    ip(['netns', 'add', probe])
    ip(['-n', probe, 'link', 'add', 'one', 'type', 'veth', 'peer', 'name', 'other'])
    execFileSync(ipProgram, ['netns', 'exec', probe, python, '-c', 'import socket; socket.socket(17, 3)'])
    return ''
  } catch (error) {
    return `no network namespaces here: ${String(error).split('\n')[0]}`
  } finally {
    release(probe)
  }
}
