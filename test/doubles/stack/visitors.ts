import { Agent, request } from 'node:https'
import type { Test } from 'tap'
import type { Reachable } from '../edge.ts'

/** What one visitor made of one answer. */
export interface Seen {
  readonly path: string
  /** When it was asked for, and for how long; ms. */
  readonly at: number
  readonly tookMs: number
  /** 0: there was none. */
  readonly status: number
  readonly text: string
  /** It was not cut short. */
  readonly isWhole: boolean
}

/** People who look at a site, one page after another, over connections that they keep. */
export interface Visitors {
  ask(path: string, method?: string): Promise<Seen>
  /** What all of them saw who came since this was asked last. */
  seen(): Promise<Seen[]>
}

/** One of `paths` after the other, every `everyMs`. */
export function comeVisitors(t: Test, site: Reachable, paths: readonly string[], everyMs: number): Visitors {
  const agent = new Agent({ keepAlive: true, ca: site.ca, maxSockets: 20 })
  t.teardown(() => agent.destroy())
  let all: Promise<Seen>[] = []
  let count = 0
  const timer = setInterval(() => all.push(ask(site, agent, paths[count++ % paths.length]!)), everyMs)
  t.teardown(() => clearInterval(timer))
  const seen = (): Promise<Seen[]> => {
    const asked = all
    all = []
    return Promise.all(asked)
  }
  return { ask: (path, method) => ask(site, agent, path, method), seen }
}

export function isFine({ status, isWhole }: Seen): boolean {
  return status === 200 && isWhole
}

function ask({ httpsPort: port }: Reachable, agent: Agent, path: string, method = 'GET'): Promise<Seen> {
  const { promise, resolve } = Promise.withResolvers<Seen>()
  const at = Date.now()
  const begun = performance.now()
  const end = (status: number, text: string, isWhole: boolean): void =>
    resolve({ path, at, tookMs: performance.now() - begun, status, text, isWhole })
  const headers = { host: 'localhost' }
  const sent = request({ host: '127.0.0.1', servername: 'localhost', port, path, method, agent, headers }, answer => {
    let text = ''
    const over = (): void => end(answer.statusCode!, text, answer.complete)
    answer.on('data', chunk => {
      text += chunk
    })
    answer.on('end', over).on('error', over)
  })
  sent.on('error', cause => end(0, String(cause), false))
  sent.end()
  return promise
}
