import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { whyNoWan } from '../wan/missing.ts'

/** What test/stack/testbed has made once for all servers: `bare` and, above it, `engine`. */
export const roots = join(process.env.TESTBED || '/tmp/twinedge-testbed', 'servers-1')

/** Why the tests with two servers and a laptop cannot run here, in one line; '' when they can. */
export function whyNoServers(): string {
  const noWan = whyNoWan()
  if (noWan !== '') return noWan
  if (!existsSync('/usr/bin/ssh')) return 'no program ssh here: apt install openssh-client'
  if (!existsSync(roots)) return `no root file systems of servers in ${roots}: test/stack/testbed servers makes them`
  if (!existsSync('/sys/fs/cgroup/unified')) return 'no control groups of version 1 here, with those of 2 in unified'
  const folder = mkdtempSync(join(tmpdir(), 'te-overlay-'))
  for (const name of ['upper', 'work', 'root']) mkdirSync(join(folder, name))
  const options = `lowerdir=${roots}/bare,upperdir=${folder}/upper,workdir=${folder}/work`
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'overlay', 'overlay', '-o', options, join(folder, 'root')], {
      stdio: 'pipe'
    })
    return ''
  } catch (error) {
    return `no overlay on the disk of ${tmpdir()}: ${String(error).split('\n')[1]}`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
