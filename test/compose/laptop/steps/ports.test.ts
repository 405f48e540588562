import t from 'tap'
import { nameOf } from '../../../../compose/laptop/bootstrap/actions.ts'
import type { Work } from '../../../../compose/laptop/bootstrap/step.ts'
import type { Ssh } from '../../../../compose/laptop/ssh/ssh.ts'
import { closePorts, openPorts } from '../../../../compose/laptop/steps/ports.ts'
import { workOn } from '../../../fixtures/bootstrap-work.ts'
import { factsOf } from '../../../fixtures/server-answers.ts'

const server = {
  name: 'frontend',
  ssh: 'frontend',
  envFile: '/frontend.env',
  folder: '/opt/twinedge',
  address: '10.0.0.1'
}

function work(env: string, facts = factsOf({}, 'nft')): Work {
  const made = workOn({ server, isRoot: true } as Ssh)
  return { ...made, env, facts }
}

async function planned(step: typeof openPorts, of: Work): Promise<string> {
  return JSON.stringify((await step.plan(of)).actions)
}

t.test('where a firewall is on, ssh is left as it is: it has let this laptop in', async t => {
  const of = work(
    'DOMAINS=[site.test]\nHTTPS_PORT=8443\n',
    factsOf({ connection: '198.51.100.9 50414 203.0.113.7 2222' }, 'nft')
  )
  const text = await planned(openPorts, of)
  t.match(text, /8443/)
  t.notMatch(text, /2222/)
  const enabling = { ...of, orders: { ...of.orders, enableFirewall: true } }
  t.notMatch(await planned(openPorts, enabling), /2222/)
  const off = factsOf({ connection: '198.51.100.9 50414 203.0.113.7 2222' }, 'ufwoff')
  t.match(await planned(openPorts, { ...enabling, facts: off }), /"allow","2222\/tcp"/)
})

t.test('an old port that something else uses stays open', async t => {
  t.match(await planned(closePorts, work('DOMAINS=[site.test]\n')), /handle 7; .*handle 9/)
  const used = await planned(closePorts, work('DOMAINS=[site.test]\nHTTPS_PORT=8000\n'))
  t.match(used, /handle 7/)
  t.notMatch(used, /handle 9/)
})

t.test('who listens on an old port is told that nobody reaches it any more', async t => {
  const listening = [3000, 8000].map(
    port => `tcp LISTEN 0 128 ${port === 8000 ? '127.0.0.1' : '*'}:${port} *:* users:(("grafana",pid=6,fd=3))`
  )
  const { notes } = await closePorts.plan(work('', factsOf({ listening: listening.join('\n') }, 'ufw')))
  t.same(notes, ['grafana listens on :3000, which is closed to everybody else: this site needs it no more'])
  t.same((await closePorts.plan(work('', factsOf({}, 'ufw')))).notes, [])
  const none = await closePorts.plan(work('', factsOf({ listening: listening.join('\n') })))
  t.same(none, { actions: [], notes: [] }, 'nothing is closed there')
})

t.test('a timer that somebody has left behind is stopped by a new connection', async t => {
  const { actions } = await openPorts.plan(work('', factsOf({ firewallback: 'active' }, 'ufw')))
  t.match(actions[0], { says: /a new ssh connection, which stops that timer/ })
})

t.test('what may shut ssh out begins with a timer, and is followed by a new connection', async t => {
  const { actions, undo } = await closePorts.plan(work('', factsOf({}, 'nft')))
  t.match(actions.map(nameOf), [
    /-s list chain/,
    /^a timer there .* after 90 s: nft --file/,
    /delete rule/,
    /^a new ssh/
  ])
  t.equal(undo?.length, 1)
})
