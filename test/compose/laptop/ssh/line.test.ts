import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { openLine } from '../../../../compose/laptop/ssh/line.ts'
import { protocolVersion } from '../../../../compose/server/protocol.ts'
import { project } from '../../../doubles/command.ts'
import { sshMissing, startSshServer } from '../../../doubles/ssh/server.ts'

t.test('an operator need not wait for a line that is lost', { skip: sshMissing }, async t => {
  const server = await startSshServer(t)
  mkdirSync(server.plan.folder)
  symlinkSync(project, join(server.plan.folder, 'tool'))
  const operator = new AbortController()
  const say = (line: string): void => {
    if (line.includes('connecting again')) setTimeout(() => operator.abort(), 500)
  }
  const line = await openLine(server.plan, say, operator.signal)
  t.teardown(() => line.close())
  server.kill()
  await silence(t, server.port)
  const began = Date.now()
  const both = [line.ask('hello', null), line.ask('deploys', null)]
  for (const asked of both) await t.rejects<unknown>(asked, { code: 'SSH_UNREACHABLE' })
  await t.rejects(line.ask('hello', null), { code: 'SSH_UNREACHABLE' }, 'nor for it again')
  t.ok(Date.now() - began < 10_000)
})

t.test('what they have stopped is undone over a line that holds, or comes back', { skip: sshMissing }, async t => {
  const server = await startSshServer(t)
  mkdirSync(server.plan.folder)
  symlinkSync(project, join(server.plan.folder, 'tool'))
  const operator = new AbortController()
  const line = await openLine(server.plan, () => {}, operator.signal)
  t.teardown(() => line.close())
  operator.abort()
  t.match(await line.ask('hello', null), { protocol: protocolVersion })
  server.kill()
  const asked = line.ask('hello', null)
  await server.start()
  t.match(await asked, { protocol: protocolVersion })
})

t.test('a connection that was lost in the minutes of a build is made anew', { skip: sshMissing }, async t => {
  const server = await startSshServer(t)
  mkdirSync(server.plan.folder)
  symlinkSync(project, join(server.plan.folder, 'tool'))
  const line = await openLine(server.plan, () => {})
  t.teardown(() => line.close())
  const before = await line.ssh()
  t.equal(await line.ssh(), before)
  server.kill()
  await server.start()
  await before.lost
  t.match(await (await line.ssh()).run(['echo', 'there']), { code: 0, stdout: 'there\n' })
})

t.test(
  'one whose process there has heard nothing for long, as a laptop slept, is closed as well',
  { skip: sshMissing },
  async t => {
    const server = await startSshServer(t)
    const tool = join(server.plan.folder, 'tool/scripts/twinedge')
    mkdirSync(dirname(tool), { recursive: true })
    const hello = `{"id":'$(expr "$line" : '{"id":\\([0-9]*\\)')',"answer":{"protocol":${protocolVersion}}}`
    const script = `cd '${server.folder}'
while read -r line; do
  if [ -e asked ] && mkdir slept; then exit; fi
  echo >asked
  echo '${hello}'
done`
    writeFileSync(tool, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    const line = await openLine(server.plan, () => {})
    t.match(await line.ask('hello', null), { protocol: protocolVersion })
    t.ok(existsSync(join(server.folder, 'slept')))
    await line.close()
    const left = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n')
    t.same(
      left.filter(one => one.startsWith('ssh ') && one.includes(server.folder)),
      []
    )
  }
)

/** A port that takes every connection, and says nothing: connecting to it takes long. */
async function silence(t: Test, port: number): Promise<void> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => void sockets.add(socket.on('error', () => {})))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  for (let tries = 0; tries < 100 && !server.listening; tries++) {
    server.once('error', () => {}).listen(port, '127.0.0.1')
    await pause(20) // whoever had it before may not be gone yet
  }
}
