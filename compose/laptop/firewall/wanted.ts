import type { Facts } from '../facts/facts.ts'

/** What a server's firewall should let in, and no longer. */
export interface FirewallWanted {
  /**
   * Let in where a firewall is turned on, first of all. One that is on has let this laptop in, perhaps it alone: that is
   * left as it is.
   */
  readonly ssh: readonly number[]
  /** Of anybody, TCP. */
  readonly open: readonly number[]
  /** Of these addresses alone; null: there is no other server. */
  readonly link: { readonly port: number; readonly from: readonly string[] } | null
  /** What the old way of running the site had open to everybody. */
  readonly close: readonly number[]
  /** Whether one that is off is turned on. */
  readonly enable: boolean
}

/** Of chapter 4 of the old manual: each app's own port, in clear text, for the other server's nginx. */
export const oldPorts: readonly number[] = [3000, 8000]
const usualSshPort = 22

/** The port by which this laptop has come, and every other that sshd has. */
export function sshPorts({ login, listening }: Facts): number[] {
  const all = listening.filter(({ program, protocol }) => program === 'sshd' && protocol === 'tcp')
  const ports = [...(login.sshPort === null ? [] : [login.sshPort]), ...all.map(({ port }) => port)]
  return [...new Set(ports.length === 0 ? [usualSshPort] : ports)]
}

/** Whether `22`, `39000-40000` or `39000:40000` has this port. */
export function hasPort(text: string, port: number): boolean {
  const [first = '', last = first] = text.split(/[-:]/)
  return Number(first) <= port && port <= Number(last)
}
