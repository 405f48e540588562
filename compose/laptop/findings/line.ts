import { judgeHost } from '../../host/judgement.ts'
import { type Evidence, edgeOf, type ServerEvidence } from '../doctor/evidence.ts'
import type { ServerCheck, SiteCheck } from '../doctor/finding.ts'
import type { Facts } from '../facts/facts.ts'
import { nextAt, onServer } from '../plan/commands.ts'
import type { ServerName } from '../plan/site.ts'

/** Certificates, logins and the link bear some of it; more is wrong in any case. */
const muchOffMs = 5_000
const farMs = 1_000
const muchLoss = 0.02
/** Of a page with its scripts, a user then waits some seconds. */
const slowBytesPerSecond = 250_000

export const lineChecks: readonly ServerCheck[] = [
  {
    id: 'link-down',
    about: 'the link to the other server is up',
    severity: 'fault',
    look: one => {
      const link = edgeOf(one)?.link ?? null
      if (link === null) return null
      if (link.state === 'up' || link.state === 'connecting') return []
      const { code, detail, next } = link.fault ?? { code: 'LINK_DOWN', detail: link.state, next: 'twinedge link' }
      const other = `twinedge link --server ${one.plan.name}`
      const pairs =
        link.state === 'unpaired'
          ? `twinedge bootstrap ${one.plan.name} pairs them`
          : `${nextAt(one.plan.name, next)}; more: ${other}`
      return [{ what: `the link to ${link.peer} is ${link.state}`, seen: `${code}: ${detail}`, mend: pairs }]
    }
  },
  {
    id: 'line-lossy',
    about: 'the line between the servers loses little, and is not far',
    severity: 'warning',
    look: one => {
      const seen = badLine(one)
      if (seen === null || seen === '') return seen === null ? null : []
      return [
        {
          what: 'the line between the servers is bad',
          seen,
          mend: 'ask both providers for another route; the kernel counts as well, where that is a finding (host-untuned)'
        }
      ]
    }
  },
  {
    id: 'host-untuned',
    about: 'the kernel is set for a long, lossy line',
    severity: 'warning',
    look: one => {
      // Where there is no other server there is no such line.
      if (one.facts === null || (edgeOf(one)?.link ?? null) === null) return null
      const differs = judgeHost(one.facts.host).filter(({ state }) => state === 'differs')
      if (differs.length === 0) return []
      const seen = differs.map(({ name, found }) => `${name}=${found}`).join(', ')
      return [
        {
          what: 'the kernel is not set for a long, lossy line',
          seen,
          mend: `twinedge link tune --yes --server ${one.plan.name}`
        }
      ]
    }
  },
  {
    id: 'clock-off',
    about: 'its clock is right',
    severity: 'warning',
    look: (one, all) => {
      if (one.facts === null) return null
      const { aheadMs, unsureMs, isSynchronised } = one.facts.clock
      const off = Math.max(0, Math.abs(aheadMs) - unsureMs)
      if (off < muchOffMs) return []
      const seen = `${seconds(off)} ${aheadMs > 0 ? 'ahead of' : 'behind'} this machine${isSynchronised === false ? '; nothing sets it' : ''}`
      if (!doServersAgree(all)) {
        const what = 'the clock there, or here, is wrong: certificates, logins and logs depend on it'
        return [{ what, seen, mend: setClock(one.plan.name, one.facts) }]
      }
      // Said once.
      if (one !== all.servers[0]) return []
      const what = 'the clock of this machine is wrong: what it says of the age of anything is, too'
      return [{ what, seen: `both servers are ${seen}`, mend: 'here: timedatectl set-ntp true, or set it by hand' }]
    }
  }
]

export const bothClocks: SiteCheck = {
  id: 'clocks-differ',
  about: 'both servers have the same time',
  severity: 'warning',
  look: all => {
    const apart = clocksApart(all)
    if (apart === null) return null
    const { offMs, late, facts } = apart
    if (offMs < muchOffMs) return []
    const seen = `${late} is ${seconds(offMs)} behind the other`
    return [{ what: 'the clocks of the two servers differ', seen, mend: setClock(late, facts) }]
  }
}

/** @returns null: there are no two clocks */
/** @returns how it is seen; '': it is not bad; null: nobody knows */
function badLine(one: ServerEvidence): string | null {
  const line = one.tool?.line ?? null
  if (line === null) {
    // The other end's is the same line. One that is very far is not measured in the time that a doctor has.
    const ms = one.plan.name === 'frontend' ? (edgeOf(one)?.link?.roundTripMs ?? 0) : 0
    return ms > farMs ? `twinedge link: ${Math.round(ms)} ms` : null
  }
  const { messages, roundTripMs, up, down } = line
  const loss = messages.sent === 0 ? 0 : 1 - Math.sqrt(1 - messages.late / messages.sent)
  if (loss <= muchLoss && roundTripMs.least <= farMs && Math.min(up, down) >= slowBytesPerSecond) return ''
  return `twinedge link check: ${Math.round(roundTripMs.least)} ms, ${(loss * 100).toFixed(1)} % lost each way, ${mbit(up)} there, ${mbit(down)} back`
}

function clocksApart({ servers }: Evidence): { offMs: number; late: ServerName; facts: Facts } | null {
  const clocks = servers.flatMap(({ facts, plan }) => (facts === null ? [] : [{ name: plan.name, facts }]))
  const [one, other] = clocks
  if (one === undefined || other === undefined) return null
  const [a, b] = [one.facts.clock, other.facts.clock]
  const offMs = Math.max(0, Math.abs(a.aheadMs - b.aheadMs) - a.unsureMs - b.unsureMs)
  const late = a.aheadMs < b.aheadMs ? one : other
  return { offMs, late: late.name, facts: late.facts }
}

/** Then, if they are not of this machine's opinion, it is the one that is wrong. */
function doServersAgree(all: Evidence): boolean {
  const apart = clocksApart(all)
  return apart !== null && apart.offMs < muchOffMs
}

function setClock(name: string, { clock, packages }: Facts): string {
  if (clock.canSynchronise !== false) return onServer(name, 'timedatectl set-ntp true')
  // Nothing is installed that would.
  if (packages.program === 'apt-get') return onServer(name, 'apt-get install -y systemd-timesyncd')
  const install = onServer(name, `${packages.program ?? 'dnf'} install -y chrony`)
  return `${install}; ${onServer(name, 'systemctl enable --now chronyd')}`
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}

function mbit(bytesPerSecond: number): string {
  return `${((bytesPerSecond * 8) / 1e6).toFixed(1)} Mbit/s`
}
