import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Where ssh would go; nothing is connected to. */
export interface SshHost {
  readonly host: string
  readonly user: string
  readonly port: string
}

/** @returns null where there is no ssh, or it refuses its configuration: connecting will say why */
export async function sshHostOf(destination: string): Promise<SshHost | null> {
  try {
    const { stdout } = await run('ssh', ['-G', '--', destination], { timeout: 5_000 })
    const value = (name: string): string => new RegExp(`^${name} (.*)$`, 'm').exec(stdout)?.[1] ?? ''
    return { host: value('hostname'), user: value('user'), port: value('port') }
  } catch {
    return null
  }
}

/** The hosts that ssh's configuration names one by one, in its order. */
export async function hostsIn(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  const names = [...text.matchAll(/^[ \t]*Host(?:[ \t]+|[ \t]*=[ \t]*)(.+)$/gim)].flatMap(([, list = '']) =>
    list.trim().split(/\s+/)
  )
  return names.filter(name => /^[\w.-]+$/.test(name))
}

/** The one host that is called so, as `frontend` or `shop-frontend` is; null: there is none, or several. */
export function hostCalled(word: string, hosts: readonly string[]): string | null {
  if (hosts.includes(word)) return word
  const found = hosts.filter(host => host.split(/[.-]/).includes(word))
  return found.length === 1 ? found[0]! : null
}
