import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const python = '/usr/bin/python3' // not one of PATH: a version manager's may lack packet sockets, or take 100 ms
export const ipProgram = ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip'].find(file => existsSync(file)) ?? null

const prefix = 'te-wan'
let made = 0

/** @returns a name for a network namespace that tells whose it is: another process's, once it is dead, is anybody's to remove */
export function nameFor(role: string): string {
  return `${prefix}-${process.pid}-${made++}-${role}`
}

/** @returns the process that named it; null for a namespace that is none of ours */
export function ownerOf(name: string): number | null {
  const pid = new RegExp(`^${prefix}-(\\d+)-\\d+-\\w+$`).exec(name)?.[1]
  return pid === undefined ? null : Number(pid)
}

/** iproute2, which is done within milliseconds. @throws what it said */
export function ip(args: readonly string[], input = ''): string {
  return execFileSync(ipProgram ?? 'ip', args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] })
}

/** Several commands in one namespace, one a line. */
export function ipBatch(name: string, lines: string): string {
  return ip(['-n', name, '-batch', '-'], lines)
}

/** A command's start that puts what follows into the namespace, with its resolver; the process keeps its id. */
export function inside(name: string): string[] {
  return [ipProgram ?? 'ip', 'netns', 'exec', name]
}

/** @param devices in that namespace: others can only be set from inside theirs */
export function turnOffOffloads(name: string, devices: readonly string[]): void {
  const program = fileURLToPath(new URL('offloads.py', import.meta.url))
  const [first = '', ...rest] = [...inside(name), python, program, ...devices]
  execFileSync(first, rest, { stdio: 'pipe' })
}
