// A laptop that ships, to be killed: node laptop.ts PLAN REFERENCE. Says how many bytes are there.
import type { ServerPlan } from '../../../compose/laptop/plan/site.ts'
import { shipImage } from '../../../compose/laptop/ship/ship.ts'
import { connectSsh } from '../../../compose/laptop/ssh/ssh.ts'

const [plan = '', reference = ''] = process.argv.slice(2)
const ssh = await connectSsh(JSON.parse(plan) as ServerPlan)
await shipImage(ssh, { reference, say: () => {}, progress: ({ sent }) => console.log(sent) })
await ssh.close()
