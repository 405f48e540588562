import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { shipFile } from '../../../../compose/laptop/ship/bare.ts'
import { connectSsh } from '../../../../compose/laptop/ssh/ssh.ts'
import { startSshServer } from '../../../doubles/ssh/server.ts'

t.test('a file gets to a server with nothing but a shell, over a line that breaks', async t => {
  const server = await startSshServer(t)
  const ssh = await connectSsh(server.plan)
  t.teardown(() => ssh.close())
  const [file, there] = [join(server.folder, 'file'), join(server.folder, "it's there")]
  const content = randomBytes(16_000_000)
  writeFileSync(file, content)
  let cuts = 0
  const progress = ({ sent, total }: { sent: number; total: number }): void => {
    if (sent < (cuts + 1) * 0.3 * total || cuts === 3) return
    cuts++
    server.kill()
    void server.start()
  }
  const { sentBytes } = await shipFile(ssh, file, there, { progress })
  t.equal(cuts, 3)
  t.ok(readFileSync(there).equals(content), 'it is what it was')
  t.ok(sentBytes < 2 * content.length, `${sentBytes} of ${content.length} bytes went`)
  t.notOk(
    readdirSync(server.folder).some(name => name.includes('.part')),
    'nothing is left'
  )

  const again = await connectSsh(server.plan)
  t.teardown(() => again.close())
  t.equal((await shipFile(again, file, there)).sentBytes, 0, 'what is there does not go again')
  writeFileSync(`${there}.part.abc.1`, randomBytes(1_000))
  writeFileSync(file, content.subarray(1))
  t.equal((await shipFile(again, file, there)).sentBytes, content.length - 1, 'all of another file, once')
  t.ok(readFileSync(there).equals(content.subarray(1)), 'a stranger’s beginning is no beginning of it')
  await t.rejects(shipFile(again, file, join(server.folder, 'no/such/folder')), { code: 'SHIP_REFUSED' })
})

t.test('a laptop that died is gone on for, and two at once do not mix', async t => {
  const server = await startSshServer(t)
  const ssh = await connectSsh(server.plan)
  t.teardown(() => ssh.close())
  const content = randomBytes(4_000_000)
  const [file, there] = [join(server.folder, 'file'), join(server.folder, 'there')]
  writeFileSync(file, content)
  writeFileSync(`${there}.part.dead.1`, content.subarray(0, 3_000_000))
  utimesSync(`${there}.part.dead.1`, new Date(), new Date(Date.now() - 3_600_000))
  writeFileSync(`${there}.part.alive.1`, content.subarray(0, 1_000_000))
  t.equal((await shipFile(ssh, file, there)).sentBytes, 1_000_000)
  t.same(
    readdirSync(server.folder).filter(name => name.startsWith('there')),
    ['there', 'there.part.alive.1'],
    'what somebody may be writing to stays'
  )

  const others = ['one', 'other'].map((name, at) => {
    writeFileSync(join(server.folder, name), content.subarray(at))
    return shipFile(ssh, join(server.folder, name), there)
  })
  t.match(await Promise.all(others), [{ bytes: 4_000_000 }, { bytes: 3_999_999 }])
  t.ok(
    [0, 1].some(at => readFileSync(there).equals(content.subarray(at))),
    'it is one of them, and whole'
  )
})

t.test('a server whose disk gives back other bytes is told of', async t => {
  const programs = join(t.testdir(), 'bin')
  mkdirSync(programs)
  writeFileSync(join(programs, 'sha256sum'), '#!/bin/sh\ncat >/dev/null\nprintf "%064d\\n" 0\n')
  chmodSync(join(programs, 'sha256sum'), 0o755)
  const server = await startSshServer(t, 'single', { PATH: `${programs}:/usr/bin:/bin` })
  const ssh = await connectSsh(server.plan)
  t.teardown(() => ssh.close())
  const there = join(server.folder, 'there')
  await t.rejects(shipFile(ssh, join(server.folder, 'host.pub'), there), { code: 'SHIP_CORRUPT' })
  t.notOk(existsSync(there))
})
