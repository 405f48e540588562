import type { RequestsSeen, Seen } from '../../server/look/records.ts'
import { type Evidence, edgeOf, type ServerEvidence, stackOf } from '../doctor/evidence.ts'
import type { ServerCheck } from '../doctor/finding.ts'
import { nextAt } from '../plan/commands.ts'
import { activeSlot, linesOf } from './parts.ts'

/** A container that was started anew so often does not stay up. */
const manyRestarts = 3
/** Fewer requests than this make no rate. */
const fewRequests = 3
/** Of what has ended by SIGKILL. */
const killedCode = 137
const littleFailed = 0.001
const muchFailed = 0.01

/** What users get, and what ends behind their backs. */
export const answerChecks: readonly ServerCheck[] = [
  {
    id: 'out-of-memory',
    about: 'no container was killed for want of memory',
    severity: 'fault',
    look: one => {
      const all = one.tool?.examined?.containers
      if (all === undefined) return null
      const killed = all.filter(seen => seen.isOutOfMemory && !isAside(one, seen))
      return killed.map(({ service, restarts }) => ({
        what: `${service} was killed for want of memory`,
        seen: `docker inspect: OOMKilled, ${restarts} restarts, its limit being ${limitOf(one, service)}`,
        mend: `raise ${memoryVariable(service)} in ${one.plan.envFile}, then: twinedge bootstrap ${one.plan.name}${/^(?:web|api)-/.test(service) ? `; twinedge restart ${service.split('-')[0]}` : ''}`
      }))
    }
  },
  {
    id: 'restarts',
    about: 'no container starts again and again',
    severity: 'fault',
    look: one => {
      const all = one.tool?.examined?.containers
      if (all === undefined) return null
      const loops = all.filter(
        seen => (seen.state === 'restarting' || seen.restarts >= manyRestarts) && !isAside(one, seen)
      )
      return loops.map(({ service, restarts, exitCode, state, lastLines }) => ({
        what: `${service} starts again and again`,
        seen: `${state}, ${restarts} restarts, exit code ${exitCode}${linesOf(lastLines)}`,
        mend:
          service === 'edge'
            ? 'twinedge logs edge'
            : `twinedge logs ${service.split('-')[0]}; if its release is no good: twinedge rollback`,
        severity: state === 'running' ? 'warning' : 'fault'
      }))
    }
  },
  {
    id: 'backend-down',
    about: 'the API is reached from here',
    severity: 'fault',
    look: one => {
      // Where it is at home, its slots say more.
      const elsewhere = edgeOf(one)?.upstreams.filter(
        ({ name, slot }) => name === 'api' && !/^(?:blue|green)$/.test(slot)
      )
      if (elsewhere === undefined || elsewhere.length === 0) return null
      const down = elsewhere.filter(({ isActive, health }) => isActive && health === 'down')
      return down.map(({ origin, lastProbe }) => ({
        what: 'the API is not reached from here: /api/ is a 503',
        seen: `the edge's probe of ${origin}: ${lastProbe ?? 'no answer'}`,
        mend: 'twinedge restart api; if it runs there, the link is down: twinedge doctor has that, too'
      }))
    }
  },
  {
    id: 'answers-fail',
    about: 'the last ten minutes brought hardly any 5xx',
    severity: 'fault',
    look: (one, all) => {
      const answered = one.tool?.examined?.requests
      if (answered === undefined || answered === null) return null
      return answered
        .filter(({ requests, failed }) => failed >= fewRequests && failed > requests * littleFailed)
        .filter(seen => !isOver(seen, one, all))
        .map(({ upstream, requests, failed, causes, last, lastAgoMs }) => {
          const causeWords = Object.entries(causes).map(([cause, count]) =>
            count === 1 ? `${cause} once` : `${cause} ${count} times`
          )
          const trace = upstream === 'api' ? linesOf(one.tool?.examined?.traceback) : ''
          const isOwn = Object.keys(causes).some(cause => /^5\d\d$/.test(cause))
          return {
            what: `${upstream}: ${failed} of ${requests} answers were 5xx`,
            seen: `the edge's log of the last ten minutes: ${causeWords.join(', ')}; last ${last}, ${ago(lastAgoMs)}${trace}`,
            mend: isOwn
              ? `twinedge logs ${upstream} --since 10m; if it came with a release: twinedge rollback`
              : 'see the findings above, or: twinedge logs edge --since 10m',
            severity: failed > requests * muchFailed ? 'fault' : 'warning'
          } as const
        })
    }
  },
  {
    id: 'stack-at-odds',
    about: 'the edge, the containers and `.env` say the same',
    severity: 'warning',
    look: one => {
      const stack = stackOf(one)
      // Of an edge that does not answer there is a finding of its own.
      if (stack === null || edgeOf(one) === null) return null
      const isSaid = (said: string): boolean => /^the edge sends requests to/.test(said)
      return stack.disagreements
        .filter(({ said }) => !isSaid(said))
        .map(({ said, next }) => ({ what: said, seen: 'twinedge status', mend: nextAt(one.plan.name, next) }))
    }
  }
]

/** What was mended cannot be told from what fails now and then: who reads it is told when, and for how long it counts. */
function ago(ms: number | null): string {
  const seconds = Math.round((ms ?? 0) / 1_000)
  const when = seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`
  return `${when} ago; one from before a mend counts until it is ten minutes old`
}

/** Of a slot that serves no more, and is stopped: what it has gone through is over. */
function isAside(one: ServerEvidence, { service, state, exitCode }: Seen): boolean {
  const slot = stackOf(one)?.slots.find(each => each.service === service)
  if (state !== 'exited' || slot === undefined || slot.isActive === true) return false
  // Which one serves is known by the edge alone; what was put aside has ended by itself.
  return slot.isActive === false || exitCode !== killedCode
}

/** Whether what serves on another server was started since: what its predecessor has answered is over. */
function isOver({ upstream, lastAgoMs }: RequestsSeen, one: ServerEvidence, { servers, nowMs }: Evidence): boolean {
  const startedAt = servers.flatMap(other => {
    const at = other === one ? undefined : activeSlot(other, upstream)?.container?.startedAt
    return typeof at !== 'string' ? [] : [Date.parse(at) - (other.facts?.clock.aheadMs ?? 0)]
  })
  return startedAt.some(startMs => nowMs - (lastAgoMs ?? 0) < startMs)
}

function limitOf(one: ServerEvidence, service: string): string {
  const limit = stackOf(one)?.slots.find(slot => slot.service === service)?.container?.memoryLimitBytes ?? 0
  return limit === 0 ? 'all there is' : `${Math.round(limit / 1_048_576)} MB`
}

function memoryVariable(service: string): string {
  const name = service === 'db' ? 'postgres' : (service.split('-')[0] ?? service)
  return `${name}_memory`.toUpperCase()
}
