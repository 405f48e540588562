// The firewall's part of a bootstrap, as a program of a laptop's: node firewall-steps.ts '{"server": "backend", …}'
// It prints what a bootstrap prints, and at the end how many things it has done; or the failure, and its exit code is 1.
import { take } from '../../../../compose/laptop/bootstrap/server.ts'
import type { Step } from '../../../../compose/laptop/bootstrap/step.ts'
import { readFacts } from '../../../../compose/laptop/facts/read.ts'
import { planFirewall } from '../../../../compose/laptop/firewall/plan.ts'
import { type Patience, withRetreat } from '../../../../compose/laptop/firewall/retreat.ts'
import type { ServerPlan } from '../../../../compose/laptop/plan/site.ts'
import { connectSsh } from '../../../../compose/laptop/ssh/ssh.ts'
import { closePorts, openPorts, tellDoors, wantedOf } from '../../../../compose/laptop/steps/ports.ts'
import { EdgeError } from '../../../../proxy/errors.ts'
import { workOn } from '../../../fixtures/bootstrap-work.ts'

export interface FirewallOrders {
  readonly server: 'frontend' | 'backend'
  readonly addresses: { readonly frontend: string; readonly backend: string }
  readonly enableFirewall?: boolean
  readonly dryRun?: boolean
  /** Else as long as a bootstrap has it. */
  readonly patience?: Patience
}

const order = JSON.parse(process.argv[2]!) as FirewallOrders
const { server, addresses, enableFirewall = false, dryRun = false, patience } = order
const names = ['frontend', 'backend'] as const
const [frontend, backend] = names.map(name => planOf(name)) as [ServerPlan, ServerPlan]
const [own, other] = server === 'frontend' ? [frontend, backend] : [backend, frontend]
const hastily: Step = {
  ...openPorts,
  plan: async work => withRetreat(work, planFirewall(work.facts.firewall, wantedOf(work)), patience)
}
const ssh = await connectSsh(own)
try {
  const now = (): Date => new Date()
  const work = workOn(ssh, {
    orders: { dryRun, takeOver: false, enableFirewall, repository: null },
    env: `LINK_PEER=${other.address}\n`,
    facts: await readFacts(ssh, now),
    now,
    say: line => console.log(line)
  })
  let count = 0
  for (const step of [patience === undefined ? openPorts : hastily, tellDoors, closePorts]) {
    const facts = await readFacts(ssh, now)
    const site = { ...work.site, servers: [frontend, backend] }
    count += (await take(step, { ...work, site, facts }, null)).count
  }
  console.log(`${count} things`)
} catch (cause) {
  if (!(cause instanceof EdgeError)) throw cause
  console.log(`${cause.code}: ${cause.detail}`)
  process.exitCode = 1
} finally {
  await ssh.close()
}

function planOf(name: (typeof names)[number]): ServerPlan {
  const none = { key: null, sshConfig: null, folder: '/opt/twinedge', envFile: '/nowhere/.env' }
  return { name, ssh: name, address: addresses[name], ...none }
}
