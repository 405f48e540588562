import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Answers } from '../agent.ts'
import { listShipped } from '../look/shipped.ts'
import type { DeployQuestions } from '../protocol.ts'
import { readDeploys, writeDeploy } from './journal.ts'
import { follow, give, listOrders, stop } from './orders.ts'
import { pruneReleases } from './prune.ts'
import { lookAtServing } from './serving.ts'
import { readHolder, SiteLock } from './site-lock.ts'

const now = (): Date => new Date()

/**
 * @param folder the server's, FOLDER
 * @param program `twinedge` of this tool
 */
export function deployAnswers(folder: string, program: string): Pick<Answers, keyof DeployQuestions> {
  const site = join(folder, 'site')
  const lock = new SiteLock(site, now)
  return {
    deploys: async () => {
      const [holder, lines, orders, shipped] = await Promise.all([
        readHolder(site, now),
        readDeploys(site),
        listOrders(site),
        listShipped(join(site, 'pieces'))
      ])
      return { holder, lines, orders, shipped }
    },
    serving: ({ project }) => lookAtServing(project),
    hold: async ({ claim, breaks }) => {
      await lock.hold(claim, breaks)
      return null
    },
    free: async ({ id }) => {
      await lock.free(id)
      return null
    },
    note: async ({ claim, line }) => {
      await lock.hold(claim, null)
      await writeDeploy(site, line)
      return null
    },
    order: async ({ claim, order }) => {
      await lock.hold(claim, null)
      await give(site, order, [program, 'server', '--folder', folder, 'order', order.id])
      return null
    },
    follow: ({ id, from }) => follow(site, id, from),
    stop: async ({ id }) => {
      await stop(site, id)
      return null
    },
    prune: async ({ claim, project, parts, keep }) => {
      await lock.hold(claim, null)
      const operator = { who: claim.who, host: hostname(), verb: 'prune' }
      const { signal } = new AbortController()
      const around = { socket: undefined, breaks: undefined, env: {}, candidateEnv: {}, signal }
      return pruneReleases({ project, operator, isOrdered: true, ...around }, parts, keep)
    }
  }
}
