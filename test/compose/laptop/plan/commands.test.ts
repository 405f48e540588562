import t from 'tap'
import { failureAt, failureOf, nextAt } from '../../../../compose/laptop/plan/commands.ts'
import { type FailureCode, failures } from '../../../../proxy/errors.ts'

t.test('what a server says to do next is a command that works on the laptop', async t => {
  for (const [there, here] of [
    ['then: twinedge certs renew', 'then: twinedge certs renew --server backend'],
    ['twinedge link pair, on both servers', 'twinedge link pair --server backend, and on the other one'],
    ['on the server itself, as root: sudo twinedge link tune', /root: twinedge link tune --server backend$/],
    ['start it: twinedge run, or docker compose up -d edge', 'start it: twinedge restart edge --server backend'],
    [failures.EDGE_NOT_RUNNING.next, /^start it: twinedge restart edge --server backend$/],
    [failures.COMPOSE_NO_STACK.next, /^twinedge bootstrap backend$/],
    ['docker compose up -d api-blue; or, from a laptop: twinedge deploy', /^twinedge deploy$/],
    ['docker compose stop web-green', 'twinedge exec server --server backend -- docker compose stop web-green'],
    ['docker compose logs edge', 'twinedge logs edge'],
    ['set the clock: timedatectl set-ntp true', /: twinedge exec server --server backend -- timedatectl set-ntp true$/],
    ['set COMPOSE_PROFILES=a in .env', /in \.env there \(twinedge exec server --server backend -- vi \.env\)$/],
    ['twinedge bootstrap SERVER', 'twinedge bootstrap backend'],
    [
      'on backend: give upstreams.web slots of its own, and else: peer',
      /^standby: backend in deploy\.yaml; then: twinedge bootstrap backend; twinedge deploy --frontend-only$/
    ],
    ['twinedge reload --server backend', 'twinedge reload --server backend'],
    ['twinedge exec server --server a -- docker system df', 'twinedge exec server --server a -- docker system df'],
    ['twinedge status', 'twinedge status']
  ] as const) {
    t.match(nextAt('backend', there), here, there)
    t.equal(nextAt('backend', nextAt('backend', there)), nextAt('backend', there), 'once is enough')
  }
  const failure = failureAt({ name: 'frontend' }, { code: 'COMPOSE_NO_STACK', detail: 'no edge' })
  t.match(failure, { detail: 'frontend: no edge', next: 'twinedge bootstrap frontend' })
})

t.test('what fails at a server, as the laptop sees it, names that server in its next step', async t => {
  const server = { name: 'backend', ssh: 'ops@203.0.113.7' } as const
  const next = (code: FailureCode, destination?: string): string => failureOf(server, code, 'x', destination).next
  t.equal(next('SERVER_TOOL_MISSING'), 'set the server up: twinedge bootstrap backend')
  t.match(next('SSH_UNREACHABLE', '-i key ops@203.0.113.7'), 'try it yourself: ssh -i key ops@203.0.113.7; then')
  t.match(next('SERVER_IMAGE_MISSING'), /\| ssh ops@203\.0\.113\.7 docker load\), then: twinedge bootstrap backend$/)
  const codes = Object.keys(failures) as FailureCode[]
  for (const code of codes.filter(code => /^(?:SERVER|SSH)_/.test(code)))
    t.notMatch(next(code), /\b(?:SERVER|DESTINATION)\b/, code)
})
