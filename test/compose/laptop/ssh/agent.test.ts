import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openReceiver } from '../../../../compose/laptop/ship/receiver.ts'
import { openAgent } from '../../../../compose/laptop/ssh/agent.ts'
import { connectSsh } from '../../../../compose/laptop/ssh/ssh.ts'
import { protocolVersion } from '../../../../compose/server/protocol.ts'
import { sshMissing, startSshServer } from '../../../doubles/ssh/server.ts'

const project = join(import.meta.dirname, '../../../..')

async function connected(t: Test, tool: (folder: string) => void) {
  const server = await startSshServer(t)
  mkdirSync(server.plan.folder)
  tool(join(server.plan.folder, 'tool'))
  const ssh = await connectSsh(server.plan)
  t.teardown(() => ssh.close())
  return { server, ssh }
}

/** What a tool of the same language says first. */
const hello = `echo '{"id":1,"answer":{"version":"1","protocol":${protocolVersion}}}'`

/** Stands for what is found where the tool should be. */
function program(text: string): (folder: string) => void {
  return folder => {
    mkdirSync(join(folder, 'scripts'), { recursive: true })
    writeFileSync(join(folder, 'scripts/twinedge'), `#!/bin/sh\n${text}\n`)
    chmodSync(join(folder, 'scripts/twinedge'), 0o755)
  }
}

t.test('the tool on a server answers, and tells of what it does not know', { skip: sshMissing }, async t => {
  const { server, ssh } = await connected(t, folder => symlinkSync(project, folder))
  const agent = await openAgent(ssh)
  t.match(await agent.ask('hello', null), { protocol: protocolVersion })
  await t.rejects(agent.ask('nonsense' as 'hello', null), { code: 'SERVER_TOOL_OTHER', detail: /nonsense/ })
  server.kill()
  await t.rejects(agent.ask('hello', null), { code: 'SSH_UNREACHABLE' })
})

t.test('a greeting of the login, and half an answer, are no answers', { skip: sshMissing }, async t => {
  const { ssh } = await connected(
    t,
    program(`echo welcome; read line; ${hello}; read line; printf '{"id":2,"ans'; exit 3`)
  )
  const agent = await openAgent(ssh)
  await t.rejects(agent.ask('hello', null), { code: 'SERVER_TOOL_OTHER', detail: /code 3/ })
})

t.test('a tool that stands still while its line holds is as good as lost', { skip: sshMissing }, async t => {
  const { ssh } = await connected(t, program(`read line; ${hello}; exec cat >/dev/null`))
  const agent = await openAgent(ssh, { askMs: 200, silenceMs: 1_000 })
  await t.rejects(agent.ask('hello', null), { code: 'SSH_UNREACHABLE', detail: /nothing was heard for 1 s$/ })
  const busy = await connected(
    t,
    program(`for id in 1 2 3 4 5 6 7 8 9; do read line; sleep 0.3; ${hello}; done; exit 3`)
  )
  const slow = await openAgent(busy.ssh, { askMs: 200, silenceMs: 1_500 })
  await t.rejects(slow.ask('hello', null), { code: 'SERVER_TOOL_OTHER' }, 'one that says anything is waited for')
})

t.test('a receiver that still works is waited for, and one that says nothing is not', { skip: sshMissing }, async t => {
  const works = `for time in 1 2 3 4 5 6; do sleep 0.3; echo '{"here":true}'; done; echo '{"loaded":"id"}'; exec cat >/dev/null`
  const { ssh } = await connected(t, program(works))
  const receiver = openReceiver(ssh, { silenceMs: 1_000, hereMs: 100 })
  t.teardown(() => receiver.close())
  t.same(await receiver.next(), { loaded: 'id' })
  await t.rejects(receiver.next(), { code: 'SSH_UNREACHABLE', detail: /said nothing for 1 s$/ })
})

t.test('one that ended because it had heard nothing for long is as good as lost', { skip: sshMissing }, async t => {
  const { ssh } = await connected(t, program(`read line; ${hello}; exit 0`))
  const agent = await openAgent(ssh)
  await t.rejects(agent.ask('hello', null), { code: 'SSH_UNREACHABLE', detail: /it has heard nothing for long$/ })
})

t.test('a server without a tool, with another one, or with no way to be root', { skip: sshMissing }, async t => {
  const missing = await connected(t, () => {})
  await t.rejects(openAgent(missing.ssh), { code: 'SERVER_TOOL_MISSING' })
  const broken = await connected(t, program('echo broken >&2; exit 1'))
  await t.rejects(openAgent(broken.ssh), { code: 'SERVER_TOOL_OTHER', detail: /broken/ })
  const other = await connected(t, program(`read line; echo '{"id":1,"answer":{"version":"9","protocol":99}}'; cat`))
  await t.rejects(openAgent(other.ssh), { code: 'SERVER_TOOL_OTHER', detail: /9, which speaks a newer language/ })
  // It would take what is taken back for a rollback to the release before.
  const first = await connected(t, program(`read line; echo '{"id":1,"answer":{"version":"0","protocol":1}}'; cat`))
  await t.rejects(openAgent(first.ssh), { code: 'SERVER_TOOL_OTHER', detail: /0, which speaks an older language/ })
  const barred = await connected(t, program(`echo 'sudo: a password is required' >&2; exit 1`))
  await t.rejects(openAgent(barred.ssh), { code: 'SSH_SUDO_REFUSED' })
})
