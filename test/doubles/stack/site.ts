import type { Test } from 'tap'
import { freePorts, type Stack, upStack } from './stack.ts'

/** Both servers of the manual, side by side on this machine: each one's edge asks the other for what it has not. */
export interface Site {
  readonly frontend: Stack
  readonly backend: Stack
}

/** Both are up and healthy. */
export async function upSite(t: Test): Promise<Site> {
  const ports = await freePorts(['WEB_BLUE_PORT', 'API_BLUE_PORT'])
  const [WEB_BLUE_PORT, API_BLUE_PORT] = [String(ports.WEB_BLUE_PORT), String(ports.API_BLUE_PORT)]
  const [frontend, backend] = await Promise.all([
    upStack(t, 'frontend', { WEB_BLUE_PORT, API_ORIGIN: `http://127.0.0.1:${API_BLUE_PORT}` }),
    upStack(t, 'backend', { API_BLUE_PORT, WEB_ORIGIN: `http://127.0.0.1:${WEB_BLUE_PORT}` })
  ])
  return { frontend, backend }
}
