import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { take } from '../../../../compose/laptop/bootstrap/server.ts'
import type { Action, Step } from '../../../../compose/laptop/bootstrap/step.ts'
import type { FirewallPlan } from '../../../../compose/laptop/firewall/firewall.ts'
import { withRetreat } from '../../../../compose/laptop/firewall/retreat.ts'
import { connectSsh } from '../../../../compose/laptop/ssh/ssh.ts'
import { startSshServer } from '../../../doubles/ssh/server.ts'
import { type Told, workOn } from '../../../fixtures/bootstrap-work.ts'

/** systemd's part: a timer that begins a command, which may be begun before that, or never. */
const systemdRun = `#!/bin/sh
for word; do case $word in --on-active=*) seconds=\${word#*=} ;; esac; done
while [ "$1" != -- ]; do shift; done
shift
printf '%s' "$3" >"$HERE/service"
(trap 'kill $!; exit' TERM; sleep "$seconds" & wait $!; rm "$HERE/timer"; sh "$HERE/service"; echo timer >>"$HERE/log") >/dev/null 2>&1 &
echo $! >"$HERE/timer"
echo began >>"$HERE/log"
`
const systemctl = `#!/bin/sh
case $1 in
  stop) kill "$(cat "$HERE/timer")" && rm "$HERE/timer" && echo stopped >>"$HERE/log" ;;
  is-active) test -e "$HERE/timer" ;;
  start) sh "$HERE/service" && echo started >>"$HERE/log" ;;
esac
`
const patience = { backMs: 2_000, comeInMs: 400, backAgainMs: 8_000, betweenMs: 50, tryMs: 20_000 }
/** Where it is not the timer that is to act. */
const slow = { ...patience, backMs: 60_000 }

interface World {
  readonly work: Told
  readonly file: (name: string) => string
  readonly log: () => string
  /** New connections are refused from now on; the old one goes on. */
  readonly shut: Action
  readonly back: readonly string[]
  /** The old one dies as well. */
  readonly cut: Action
}

async function world(t: Test): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'te-retreat-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = (name: string): string => join(folder, name)
  for (const [name, text] of Object.entries({ 'systemd-run': systemdRun, systemctl })) {
    writeFileSync(file(name), text, { mode: 0o755 })
  }
  const server = await startSshServer(t, 'single', { HERE: folder, PATH: `${folder}:${process.env.PATH}` })
  const ssh = await connectSsh(server.plan)
  t.teardown(() => ssh.close())
  const config = server.plan.sshConfig!
  const cut = {
    says: 'cut',
    async act() {
      server.cut()
      await server.start()
    }
  }
  return {
    work: workOn(ssh),
    file,
    log: () => (existsSync(file('log')) ? readFileSync(file('log'), 'utf8').trim().split('\n').join(' ') : ''),
    shut: { run: ['sed', '-i', 's/Port .*/Port 1/', config] },
    back: ['sed', '-i', `s/Port .*/Port ${server.port}/`, config],
    cut
  }
}

/** What is planned, once. */
function stepOf(work: Told, plan: FirewallPlan, least = patience): Step {
  let isDone = false
  return {
    name: 'firewall',
    remains: 'nothing',
    async plan() {
      if (isDone) return { actions: [] }
      isDone = true
      return withRetreat(work, plan, least)
    }
  }
}

t.test('a new connection that comes in stops the timer, and what lasts is done after that', async t => {
  const { work, file, log, back } = await world(t)
  const seen: string[] = []
  const lasting = { says: 'lasting', act: async () => void seen.push(log()) }
  const actions = [{ run: ['touch', file('on')] }]
  await take(stepOf(work, { actions: [], risky: { actions, back: [back] }, lasting: [lasting] }, slow), work, null)
  t.ok(existsSync(file('on')))
  t.same(seen, ['began stopped'])
  t.match(work.said, [
    'firewall: under way',
    /^ {2}a timer there that takes the next step back after 60 s: sed /,
    /touch/,
    '  a new ssh connection, which stops that timer',
    '  lasting'
  ])
})

t.test('where none comes in it is taken back over the old line, and what lasts is not done', async t => {
  const { work, file, log, shut, back } = await world(t)
  const lasting = { run: ['touch', file('lasting')] }
  await t.rejects(
    take(stepOf(work, { actions: [], risky: { actions: [shut], back: [back] }, lasting: [lasting] }, slow), work, null),
    {
      code: 'SERVER_SSH_SHUT',
      detail:
        /no new connection came in within 0\.4 s \(SSH_UNREACHABLE: .*\); it was taken back over the line that was open before, and ssh comes in again/s
    }
  )
  t.equal(log(), 'began started stopped')
  t.notOk(existsSync(file('lasting')))
})

t.test('where the old line is dead as well, the timer takes it back', async t => {
  const { work, log, shut, back, cut } = await world(t)
  await t.rejects(take(stepOf(work, { actions: [], risky: { actions: [shut, cut], back: [back] } }), work, null), {
    code: 'SERVER_SSH_SHUT',
    detail: /it was taken back by a timer there, and ssh comes in again/
  })
  t.equal(log(), 'began timer')
})

t.test('when nothing brings ssh back, that is said', async t => {
  const { work, shut } = await world(t)
  const hasty = { ...patience, backAgainMs: 300 }
  await t.rejects(
    take(stepOf(work, { actions: [], risky: { actions: [shut], back: [['true']] } }, hasty), work, null),
    {
      code: 'SERVER_SSH_SHUT',
      detail: /and still ssh does not come in \(SSH_UNREACHABLE/
    }
  )
})

t.test('a laptop that was away until the timer had ended is not told that all is well', async t => {
  const { work, file, log, back } = await world(t)
  const away = {
    says: 'away',
    async act() {
      for (let tries = 0; log() !== 'began timer'; tries++) {
        if (tries > 500) throw new Error('the timer does not end')
        await pause(20)
      }
    }
  }
  const soon = { ...patience, backMs: 200 }
  const lasting = { run: ['touch', file('lasting')] }
  await t.rejects(
    take(stepOf(work, { actions: [], risky: { actions: [away], back: [back] }, lasting: [lasting] }, soon), work, null),
    { code: 'SERVER_STEP_FAILED', detail: /taken back before this connection came in: begin again/ }
  )
  t.notOk(existsSync(file('lasting')))
})

t.test('a step that fails half-way is taken back at once', async t => {
  const { work, file, log } = await world(t)
  const half = [{ run: ['touch', file('on')] }, { run: ['false'] }]
  const back = [['rm', file('on')]]
  await t.rejects(take(stepOf(work, { actions: [], risky: { actions: half, back } }, slow), work, null), {
    code: 'SERVER_STEP_FAILED'
  })
  t.notOk(existsSync(file('on')))
  t.equal(log(), 'began started stopped')
})

t.test('what only lets in takes no timer', async t => {
  const { work, file, log } = await world(t)
  await take(stepOf(work, { actions: [{ run: ['touch', file('on')] }] }), work, null)
  t.ok(existsSync(file('on')))
  t.equal(log(), '')
})
