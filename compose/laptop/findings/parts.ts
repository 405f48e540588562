import type { SlotStatus } from '../../status/slot-status.ts'
import { edgeOf, type ServerEvidence, stackOf } from '../doctor/evidence.ts'
import type { ServerCheck, SiteCheck } from '../doctor/finding.ts'
import { type Part, type ServerPlan, serverOf, standbyOf } from '../plan/site.ts'

export const partChecks: readonly ServerCheck[] = [
  {
    id: 'edge-down',
    about: 'the edge runs, and answers',
    severity: 'fault',
    look: one => {
      const looked = one.tool?.looked
      if (looked === undefined || looked.stack === null) return null
      if (looked.edge !== null) return []
      const edge = one.tool?.examined?.containers.find(({ service }) => service === 'edge')
      const state = edge === undefined ? '' : `; its container is ${edge.state}, exit code ${edge.exitCode}`
      return [
        {
          what: 'the edge does not answer: nobody is served here',
          seen: `${looked.failure?.detail ?? 'no answer'}${state}${linesOf(edge?.lastLines)}`,
          mend: `twinedge restart edge --server ${one.plan.name}`
        }
      ]
    }
  },
  {
    id: 'edge-refuses-config',
    about: "the edge's configuration is good",
    severity: 'fault',
    look: one => {
      const edge = one.tool?.examined?.containers.find(({ service }) => service === 'edge')
      if (edge === undefined) return null
      const said = edge.lastLines.filter(line => /\b(?:CONFIG|TLS)_[A-Z_]+/.test(line))
      if (edgeOf(one) !== null || said.length === 0) return []
      return [
        {
          what: 'the edge refuses its configuration, and does not start',
          seen: said.slice(-2).join('; '),
          mend: `mend ${one.plan.envFile}, then: twinedge bootstrap ${one.plan.name}`
        }
      ]
    }
  },
  slotCheck('web'),
  slotCheck('api'),
  unwellCheck('web'),
  unwellCheck('api')
]

/** What the edge sends requests to does not run. */
function slotCheck(part: Part): ServerCheck {
  return {
    id: `${part}-down`,
    about: `${part}: the slot that serves runs`,
    severity: 'fault',
    look: one => {
      const slot = activeSlot(one, part)
      if (slot === null) return null
      const { container, service } = slot
      if (container?.state === 'running') return []
      const state = container === null ? 'has no container' : `is ${container.state}, exit code ${container.exitCode}`
      const lines = one.tool?.examined?.containers.find(seen => seen.service === service)?.lastLines
      return [
        {
          what: `${service}, which serves, ${container === null ? 'has no container' : 'does not run'}: users get a 503`,
          seen: `the engine: ${service} ${state}${container?.isOutOfMemory ? ', for want of memory' : ''}${linesOf(lines)}`,
          // Of what was never deployed there is no image that Compose could start.
          mend: container === null ? 'twinedge deploy' : `twinedge restart ${part}`
        }
      ]
    }
  }
}

/** It runs, and does not answer as it should. */
function unwellCheck(part: Part): ServerCheck {
  return {
    id: `${part}-unhealthy`,
    about: `${part}: it answers its health checks`,
    severity: 'fault',
    look: one => {
      const slot = activeSlot(one, part)
      if (slot === null || slot.container?.state !== 'running') return null
      const { service, container, edge } = slot
      const own = container.health === 'unhealthy' ? [`its own check: ${container.lastCheck ?? 'unhealthy'}`] : []
      const seen = edge?.health === 'down' ? [...own, `the edge's probe: ${edge.lastProbe ?? 'down'}`] : own
      if (seen.length === 0) return []
      const traceback = part === 'api' ? linesOf(one.tool?.examined?.traceback) : ''
      return [
        {
          what: `${service}, which serves, does not answer as it should`,
          seen: `${seen.join('; ')}${traceback}`,
          mend: `twinedge restart ${part}; if it came with a release: twinedge rollback`
        }
      ]
    }
  }
}

/** It is there for the day on which the frontend is dead: a user's page then asks it for the files of its own build. */
export const standbyBuild: SiteCheck = {
  id: 'standby-build',
  about: 'the standby has the web app that the frontend serves',
  severity: 'warning',
  look: ({ site, servers }) => {
    const standby = standbyOf(site)
    if (standby === null) return null
    const webOn = ({ name }: ServerPlan): string | null => {
      const one = servers.find(({ plan }) => plan.name === name)
      return one === undefined ? null : (activeSlot(one, 'web')?.image ?? null)
    }
    const [served, there] = [webOn(serverOf(site, 'web')), webOn(standby)]
    if (served === null || there === null) return null
    if (served === there) return []
    return [
      {
        what: `${standby.name}, which stands by, has another build of the web app than users get`,
        seen: `twinedge status: ${serverOf(site, 'web').name} serves ${served}, ${standby.name} has ${there}`,
        mend: 'twinedge deploy'
      }
    ]
  }
}

/** What serves of a part, where that is at home. */
export function activeSlot(one: ServerEvidence, part: string): SlotStatus | null {
  return stackOf(one)?.slots.find(({ upstream, isActive }) => upstream === part && isActive === true) ?? null
}

/** What a container said last, at the end of how something was seen. */
export function linesOf(lines: readonly string[] | undefined): string {
  const said = (lines ?? []).map(line => line.trim()).filter(line => line !== '')
  return said.length === 0 ? '' : `; its last lines: ${said.slice(-3).join(' | ')}`
}
