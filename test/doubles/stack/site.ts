import type { Test } from 'tap'
import { namedPorts, type Stack, upStack } from './stack.ts'

/** Both servers of the manual, side by side on this machine: each one's edge asks the other for what it has not. */
export interface Site {
  readonly frontend: Stack
  readonly backend: Stack
}

/** A site whose edges have a link, and do not know each other yet. */
export interface LinkedSite extends Site {
  /** Where each one's edge takes the link. */
  readonly linkPorts: { readonly frontend: number; readonly backend: number }
}

/** Both are up and healthy. */
export async function upSite(t: Test): Promise<Site> {
  const ports = await namedPorts(['WEB_BLUE_PORT', 'API_BLUE_PORT'])
  const [WEB_BLUE_PORT, API_BLUE_PORT] = [String(ports.WEB_BLUE_PORT), String(ports.API_BLUE_PORT)]
  const [frontend, backend] = await Promise.all([
    upStack(t, 'frontend', { WEB_BLUE_PORT, API_ORIGIN: `http://127.0.0.1:${API_BLUE_PORT}` }),
    upStack(t, 'backend', { API_BLUE_PORT, WEB_ORIGIN: `http://127.0.0.1:${WEB_BLUE_PORT}` })
  ])
  return { frontend, backend }
}

/** Both are up and healthy; as on two servers, but for the ports, of which one machine has each only once. */
export async function upLinkedSite(t: Test): Promise<LinkedSite> {
  const { frontend: front = 0, backend: back = 0 } = await namedPorts(['frontend', 'backend'])
  const link = (own: number, peer: number) => ({ LINK_PORT: `${own}`, LINK_PEER: `127.0.0.1:${peer}` })
  const [frontend, backend] = await Promise.all([
    upStack(t, 'frontend', { ...link(front, back), API_ORIGIN: 'peer' }),
    upStack(t, 'backend', { ...link(back, front), WEB_ORIGIN: 'peer' })
  ])
  return { frontend, backend, linkPorts: { frontend: front, backend: back } }
}
