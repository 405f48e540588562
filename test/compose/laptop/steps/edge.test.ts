import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { nameOf } from '../../../../compose/laptop/bootstrap/actions.ts'
import { connectSsh } from '../../../../compose/laptop/ssh/ssh.ts'
import { bringUpEdge, stackHash } from '../../../../compose/laptop/steps/edge.ts'
import { startStandIns } from '../../../doubles/ssh/stand-ins.ts'
import { workOn } from '../../../fixtures/bootstrap-work.ts'
import { factsOf } from '../../../fixtures/server-answers.ts'

const nginx = `cat "$STAND/nginx.conf"\n`
const taken = [80, 443].map(port => `tcp LISTEN 0 511 *:${port} *:* users:(("nginx",pid=80,fd=6))`).join('\n')
const healthy = 'twinedge-edge-1\timage\trunning\tUp 3 hours (healthy)\ttwinedge\tedge'
/** Its service neither runs nor has been told not to. */
const idle = { nginx: 'nginx version: nginx/1.22.1', nginxruns: 3, nginxstarts: 'enabled' }

async function world(t: Test, env = 'DOMAINS=[site.test]\nTLS_MODE=acme\n') {
  const { server, at, calls } = await startStandIns(t, 'frontend', { nginx })
  mkdirSync(server.plan.folder)
  writeFileSync(
    at('nginx.conf'),
    'http { server { listen 443 ssl; server_name site.test; ssl_certificate /c.pem; ssl_certificate_key /k.pem; } }'
  )
  const ssh = await connectSsh(server.plan)
  t.teardown(() => ssh.close())
  const work = workOn(ssh, { env })
  const record = JSON.stringify({ stack: await stackHash(work) })
  const plan = async (facts: Parameters<typeof factsOf>[0], takeOver = false) => {
    const { actions, notes } = await bringUpEdge.plan({
      ...work,
      facts: factsOf(facts),
      orders: { ...work.orders, takeOver }
    })
    return { actions: actions.map(nameOf), notes: notes ?? [] }
  }
  return { at, calls, record, plan }
}

t.test('all that takes time is done before nginx is stopped', async t => {
  const { plan } = await world(t, 'DOMAINS=[site.test]\nTLS_MODE=acme\nCOMPOSE_PROFILES=postgres\n')
  const { actions } = await plan({ ...idle, nginxruns: 'active', listening: taken }, true)
  t.match(actions, [
    'pull whatever images edge and db lack here',
    'import the certificates of nginx: /c.pem',
    /^\$ systemctl stop nginx && docker compose up -d edge db && systemctl disable nginx, and back/
  ])
  t.equal(actions.length, 3)
})

t.test('an edge that serves as it should is left alone', async t => {
  const { plan, record } = await world(t)
  t.same(await plan({ containers: healthy, record }), { actions: [], notes: [] })
  t.match((await plan({ containers: healthy, record: '{"stack":"other"}' })).actions, [/^pull/, /docker compose up/])
})

t.test(
  'a take-over that was killed before it had nginx disabled is brought to its end by the next bootstrap',
  async t => {
    const { plan, record, at } = await world(t)
    const disable = '$ systemctl disable nginx'
    const why = 'nginx does not run, but would start at the next boot and take :443 from the edge'
    t.same(await plan({ ...idle, containers: healthy, record }), { actions: [disable], notes: [why] })
    const { actions } = await plan({ ...idle, containers: healthy })
    t.match(actions, [/^pull/, /docker compose up/, disable], 'not before the edge is healthy')
    const left = async (changed: Parameters<typeof factsOf>[0]) =>
      t.same((await plan({ ...idle, containers: healthy, record, ...changed })).actions, [])
    await left({ nginxruns: 'active' })
    await left({ nginxstarts: 'disabled' })
    writeFileSync(at('nginx.conf'), 'http { server { listen 8080; } }')
    await left({})
    await left({ nginx: 127 })
    rmSync(at('nginx.conf'))
    await left({}) // nginx itself refuses what it has
  }
)
