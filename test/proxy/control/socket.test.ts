import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import { startControl } from '../../../proxy/control/server.ts'
import { StubActions } from '../../doubles/control-actions.ts'
import { ask, control, folder } from './control.ts'

const actions = new StubActions()

/** A process that listens at `path` and is then killed, as by the OOM killer: it removes nothing. */
async function leaveSocketBehind(path: string): Promise<void> {
  const program = 'require("net").createServer().listen(process.argv[1], () => console.log("up"))'
  const child = spawn(process.execPath, ['-e', program, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
}

t.test('the socket is for its user alone, and so is the folder that is made for it', async t => {
  const { socket } = await control(t)
  t.equal((await stat(socket)).mode & 0o777, 0o600)
  t.equal((await stat(dirname(socket))).mode & 0o777, 0o700)
})

t.test('the socket of a dead edge is taken over', async t => {
  const socket = join(await folder(t), 'control.sock')
  await leaveSocketBehind(socket)
  t.ok((await stat(socket)).isSocket(), 'it was left behind')
  const { close } = await startControl({ socket, listen: null, actions })
  t.teardown(close)
  t.equal((await ask(socket, 'GET', '/healthz')).status, 200)
})

t.test('the socket of a living edge is not', async t => {
  const { socket } = await control(t)
  await t.rejects(startControl({ socket, listen: null, actions }), { code: 'EDGE_ALREADY_RUNNING' })
  t.equal((await ask(socket, 'GET', '/healthz')).status, 200, 'it still answers')
})

t.test('a plain file in its place is left as it is', async t => {
  const socket = join(await folder(t), 'control.sock')
  await writeFile(socket, 'precious')
  await t.rejects(startControl({ socket, listen: null, actions }), {
    code: 'EDGE_STATE_UNWRITABLE',
    detail: /not a socket/
  })
  t.equal(await readFile(socket, 'utf8'), 'precious')
})

t.test('a folder that cannot be made, and a path that is too long, are said clearly', async t => {
  const place = await folder(t)
  await writeFile(join(place, 'file'), '')
  const below = join(place, 'file/state/control.sock')
  await t.rejects(startControl({ socket: below, listen: null, actions }), {
    code: 'EDGE_STATE_UNWRITABLE',
    detail: /ENOTDIR/
  })
  const long = join(place, 'x'.repeat(120))
  await t.rejects(startControl({ socket: long, listen: null, actions }), {
    code: 'EDGE_STATE_UNWRITABLE',
    detail: /107 bytes/
  })
})

t.test('a folder of somebody else keeps its mode', async t => {
  const place = join(await folder(t), 'run')
  await mkdir(place)
  await chmod(place, 0o755)
  const { close } = await startControl({ socket: join(place, 'control.sock'), listen: null, actions })
  t.teardown(close)
  t.equal((await stat(place)).mode & 0o777, 0o755)
})

t.test('the end removes the socket', async t => {
  const { socket, close } = await control(t)
  await close()
  await t.rejects(stat(socket), { code: 'ENOENT' })
})
