import { EdgeError } from '../../../proxy/errors.ts'
import type { Action, Plan, Work } from '../bootstrap/step.ts'
import { listenerOn } from '../facts/facts.ts'
import { edgePorts } from '../steps/ports.ts'
import type { NginxRuns } from './bring-up.ts'
import { planCertificates } from './certificates.ts'
import { type NginxServes, readNginx } from './nginx.ts'

export interface TakeOver {
  readonly actions: readonly Action[]
  readonly notes: readonly string[]
  readonly nginx: NginxRuns
}

/** Only where an nginx has the ports, and its place was said to be taken. It goes when the edge is brought up. */
export async function planTakeOver(work: Work): Promise<TakeOver> {
  const { facts, orders } = work
  const isThere = edgePorts(work).some(port => listenerOn(facts, port)?.program === 'nginx')
  if (!orders.takeOver || !isThere) return { actions: [], notes: [], nginx: 'none' }
  const { names, certificates } = await nginxOf(work)
  const { actions, notes = [] } = planCertificates(work, certificates)
  return {
    actions,
    notes: [
      `nginx serves ${names.join(', ') || 'no name of its own'}; it is stopped, and disabled once the edge is healthy; it stays installed`,
      ...notes,
      ...strangers(work, names)
    ],
    nginx: facts.nginx?.isActive === true ? 'service' : 'program'
  }
}

/**
 * One that does not run, and would at the next boot, on the ports of an edge that is healthy by then: a take-over that
 * was killed has left it, by a power cut or a reboot.
 */
export async function planIdleNginx(work: Work): Promise<Plan> {
  const { nginx } = work.facts
  if (nginx === null || nginx.isActive || !nginx.isEnabled) return { actions: [] }
  // One whose configuration nginx itself refuses takes nobody's ports.
  const ports = await nginxOf(work).then(
    ({ ports }) => ports.filter(port => edgePorts(work).includes(port)),
    () => []
  )
  if (ports.length === 0) return { actions: [] }
  const why = `nginx does not run, but would start at the next boot and take ${ports.map(port => `:${port}`).join(', ')} from the edge`
  return { actions: [{ run: ['systemctl', 'disable', 'nginx'] }], notes: [why] }
}

/** @throws EdgeError SERVER_STEP_FAILED where it does not say */
export async function nginxOf({ ssh }: Pick<Work, 'ssh'>): Promise<NginxServes> {
  const { code, stdout, stderr } = await ssh.run(['nginx', '-T'], { asRoot: true })
  if (code === 0) return readNginx(stdout)
  throw new EdgeError('SERVER_STEP_FAILED', `nginx -T: ${stderr.trim().slice(-500)}`)
}

function strangers({ site }: Work, names: readonly string[]): string[] {
  const others = names.filter(name => !site.domains.includes(name.toLowerCase()))
  return others.length === 0 ? [] : [`nobody is going to serve ${others.join(', ')} here: not among the site's domains`]
}
