import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { carryOut, describe } from '../../../../compose/laptop/bootstrap/actions.ts'
import { connectSsh } from '../../../../compose/laptop/ssh/ssh.ts'
import { startSshServer } from '../../../doubles/ssh/server.ts'
import { startStandIns } from '../../../doubles/ssh/stand-ins.ts'

t.test('a file is written whole, with its mode, in a folder that need not be there', async t => {
  const server = await startSshServer(t)
  const ssh = await connectSsh(server.plan)
  t.teardown(() => ssh.close())
  const path = join(server.folder, "o'brien/new/.env")
  await carryOut(ssh, { write: path, text: "A='1 $HOME'\n", mode: 0o600, before: null })
  t.equal(readFileSync(path, 'utf8'), "A='1 $HOME'\n")
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(statSync(join(server.folder, "o'brien/new")).mode & 0o777, 0o755)
  await carryOut(ssh, { write: path, text: 'B=2\n', mode: 0o644, before: '' })
  t.equal(statSync(path).mode & 0o777, 0o644)
  // Whoever could plant a link under a name that is known beforehand would have the text.
  symlinkSync(join(server.folder, 'elsewhere'), `${path}.twinedge.tmp`)
  await carryOut(ssh, { write: path, text: 'B=3\n', mode: 0o600, before: '' })
  t.same(readdirSync(join(server.folder, "o'brien/new")), ['.env', '.env.twinedge.tmp'], 'and nothing of it stays')
})

t.test('of a file that has come in part when the line is lost, nothing takes the place of the old one', async t => {
  // What a pipe holds has come by then.
  const own = execFileSync('which', ['mktemp'], { encoding: 'utf8' }).trim()
  const mktemp = `touch "$STAND/begun"; while [ ! -e "$STAND/go" ]; do sleep 0.02; done; exec ${own} "$@"`
  const { server, at } = await startStandIns(t, 'single', { mktemp })
  const ssh = await connectSsh(server.plan)
  t.teardown(() => ssh.close())
  mkdirSync(join(server.folder, 'stack'))
  const path = join(server.folder, 'stack/.env')
  writeFileSync(path, 'OLD=1\n')
  const written = carryOut(ssh, { write: path, text: 'NEW=1\n'.repeat(100_000), mode: 0o600, before: 'OLD=1\n' })
  written.catch(() => {})
  while (!existsSync(at('begun'))) await pause(20)
  server.cut()
  await t.rejects(written, { code: 'SSH_UNREACHABLE' })
  writeFileSync(at('go'), '')
  // First it begins one beside it, and then nothing of that stays.
  const left = (): string[] => readdirSync(join(server.folder, 'stack')).filter(name => name !== '.env')
  for (let tries = 0; tries < 100 && left().length === 0; tries++) await pause(2)
  for (let tries = 0; tries < 250 && left().length > 0; tries++) await pause(20)
  t.equal(readFileSync(path, 'utf8'), 'OLD=1\n')
})

t.test('what fails is told with the last of its words; a full disk by its name', async t => {
  const server = await startSshServer(t)
  const ssh = await connectSsh(server.plan)
  t.teardown(() => ssh.close())
  const failing = { run: ['sh', '-c', 'echo half; echo why >&2; exit 7'] }
  await t.rejects(carryOut(ssh, failing), { code: 'SERVER_STEP_FAILED', detail: /ended with code 7: half\nwhy$/ })
  await t.rejects(carryOut(ssh, { run: ['cp', '/etc/hostname', '/dev/full'] }), { code: 'SERVER_DISK_FULL' })
  mkdirSync(join(server.folder, 'file'))
  writeFileSync(join(server.folder, 'a'), '')
  const onFile = { write: join(server.folder, 'a/b'), text: '', mode: 0o600, before: null }
  await t.rejects(carryOut(ssh, onFile), { code: 'SERVER_STEP_FAILED' })
})

t.test('of a secret file the names are shown, of any other the lines that differ', async t => {
  const before = 'A=1\nKEY=old secret\n# words\n# KEY=older secret\n'
  const text = 'A=1\nKEY=new secret\nmany words of a secret\nexport B=2\n'
  const change = { write: '/opt/twinedge/.env', text, mode: 0o600, before }
  t.same(describe({ ...change, isSecret: true }), [
    'file /opt/twinedge/.env (0600)',
    '  - KEY=…',
    '  - # words',
    '  - # KEY=…',
    '  + KEY=…',
    '  + …',
    '  + B=…'
  ])
  t.match(describe(change).join('\n'), /- KEY=old secret\n[\s\S]*\+ KEY=new secret/)
  const long = Array.from({ length: 50 }, (_, at) => `line ${at}`).join('\n')
  t.match(describe({ write: '/a/b.yml', text: long, mode: 0o644, before: null }), [
    'new file /a/b.yml (0644)',
    /50 lines/
  ])
  t.same(describe({ run: ['echo', "it's"] }), ["$ echo 'it'\\''s'"])
})
