import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { arch } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { readFacts } from '../../../../compose/laptop/facts/read.ts'
import { connectSsh } from '../../../../compose/laptop/ssh/ssh.ts'
import { startSshServer } from '../../../doubles/ssh/server.ts'

t.test('a server is looked at over ssh, with nothing there but a shell', async t => {
  const server = await startSshServer(t)
  const ssh = await connectSsh(server.plan)
  t.teardown(() => ssh.close())
  const facts = await readFacts(ssh, () => new Date())
  t.match(facts, { arch: arch(), login: { power: ssh.isRoot ? 'root' : /./, sshPort: server.port, from: '127.0.0.1' } })
  t.ok(facts.memory.total > 1e8)
  t.ok(facts.listening.some(({ port }) => port === server.port))
  t.equal(facts.disks[0]?.path, server.plan.folder, 'which need not be there')
  t.ok(facts.disks.every(({ free, total }) => free > 0 && free <= total))
  t.ok(facts.host.values['net.ipv4.tcp_rmem'])
  t.ok(Math.abs(facts.clock.aheadMs) <= facts.clock.unsureMs + 1)
})

t.test('no hash of a file with secrets leaves the server: a short one could be guessed from it', async t => {
  const server = await startSshServer(t)
  const { folder } = server.plan
  mkdirSync(folder)
  for (const name of ['.env', 'own.yml', 'docker-compose.backend.yml']) writeFileSync(join(folder, name), 'A=1\n')
  const ssh = await connectSsh(server.plan)
  t.teardown(() => ssh.close())
  const facts = await readFacts(ssh, () => new Date())
  const hash = createHash('sha256').update('A=1\n').digest('hex')
  t.strictSame(facts.stack.files, { 'docker-compose.backend.yml': hash })
})

t.test('a login whose shell says nothing is told', async t => {
  const server = await startSshServer(t)
  const ssh = await connectSsh(server.plan)
  t.teardown(() => ssh.close())
  const broken = { ...ssh, run: async () => ({ code: 1, stdout: 'This account is not available.', stderr: 'no' }) }
  await t.rejects(
    readFacts(broken, () => new Date()),
    { code: 'SERVER_UNREADABLE', detail: /code 1: no/ }
  )
})

t.test('who may change what root runs there is seen wherever the folder really is, and all the way up', async t => {
  const server = await startSshServer(t)
  const ssh = await connectSsh(server.plan)
  t.teardown(() => ssh.close())
  const open = join(server.folder, 'open')
  mkdirSync(join(open, 'below/real'), { recursive: true })
  chmodSync(open, 0o777)
  symlinkSync(join(open, 'below/real'), server.plan.folder)
  const { stack } = await readFacts(ssh, () => new Date())
  t.ok(stack.open.includes(`${open} (mode 777)`), `${stack.open}`)
})
