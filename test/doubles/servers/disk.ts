import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What of a server is not in the root that all of them share. */
export interface DiskWanted {
  readonly hostName: string
  readonly nameServer: string
  /** The laptop's, a line of `authorized_keys`. */
  readonly publicKey: string
}

/** Who may come in by the laptop's key; test/stack/testbed makes them. */
const users = [
  { home: 'root', id: 0 },
  { home: 'home/ops', id: 1001 },
  { home: 'home/plain', id: 1002 }
]

/**
 * A new disk, on which no server has run yet.
 * @param folder that is not there yet
 * @returns the server's host key, as a line of `known_hosts` has it behind the name
 */
export function makeDisk(folder: string, { hostName, nameServer, publicKey }: DiskWanted): string {
  for (const name of ['upper', 'work', 'root', 'docker', 'containerd'])
    mkdirSync(join(folder, name), { recursive: true })
  const upper = join(folder, 'upper')
  mkdirSync(join(upper, 'etc/ssh'), { recursive: true })
  mkdirSync(join(upper, 'home'))
  writeFileSync(join(upper, 'etc/hostname'), `${hostName}\n`)
  writeFileSync(join(upper, 'etc/hosts'), `127.0.0.1 localhost\n127.0.1.1 ${hostName}\n`)
  writeFileSync(join(upper, 'etc/resolv.conf'), `nameserver ${nameServer}\n`)
  for (const { home, id } of users) {
    const [own, ssh] = [join(upper, home), join(upper, home, '.ssh')]
    mkdirSync(ssh, { recursive: true })
    const file = join(ssh, 'authorized_keys')
    writeFileSync(file, `${publicKey}\n`)
    for (const [path, mode] of [
      [own, 0o700],
      [ssh, 0o700],
      [file, 0o600]
    ] as const) {
      chownSync(path, id, id)
      chmodSync(path, mode)
    }
  }
  return makeKey(join(upper, 'etc/ssh/ssh_host_ed25519_key'), `root@${hostName}`)
}

/** By OpenSSH's own program. @returns the public half, in one line */
export function makeKey(file: string, comment: string): string {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file], { stdio: 'pipe' })
  return readFileSync(`${file}.pub`, 'utf8').trim()
}
