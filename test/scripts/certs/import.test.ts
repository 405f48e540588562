import { chmod, cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import type { ImportAnswer } from '../../../proxy/control/protocol.ts'
import { EdgeError } from '../../../proxy/errors.ts'
import { command, project, twinedge } from '../../doubles/command.ts'
import { control, folder } from '../../proxy/control/control.ts'
import { fastLimits } from './fast-limits.ts'

/** An edge, and what certbot leaves: live/NAME with links into archive/NAME, and a README. */
async function certbot(t: Parameters<typeof control>[0], ...names: string[]) {
  const root = join(await folder(t), 'letsencrypt')
  for (const name of names) {
    await mkdir(join(root, 'archive', name), { recursive: true })
    await mkdir(join(root, 'live', name), { recursive: true })
    for (const part of ['cert', 'chain', 'fullchain', 'privkey']) {
      await writeFile(join(root, 'archive', name, `${part}3.pem`), `${part} of ${name}\n`)
      await symlink(`../../archive/${name}/${part}3.pem`, join(root, 'live', name, `${part}.pem`))
    }
    await writeFile(join(root, 'live', name, 'README'), '')
  }
  await mkdir(join(root, 'live'), { recursive: true })
  await writeFile(join(root, 'live', 'README'), 'This directory contains your keys and certificates.')
  const { socket, actions } = await control(t)
  actions.onImport = ({ certificates }): ImportAnswer => ({
    certificates: certificates.map(({ source, cert }) => ({
      source,
      names: [cert.trim().replace('fullchain of ', '')],
      reason: null
    }))
  })
  const takeOver = (...args: string[]) => twinedge(['certs', 'import', ...args, '--socket', socket])
  const sent = (name: string) => ({
    source: join(root, 'live', name),
    cert: `fullchain of ${name}\n`,
    key: `privkey of ${name}\n`
  })
  return { root, socket, actions, takeOver, sent }
}

t.test("certbot's folder, its live/, and one folder of that are read, through their links", async t => {
  const { root, actions, takeOver, sent } = await certbot(t, 'example.com', 'api.example.com')
  const both = [sent('api.example.com'), sent('example.com')]
  const live = join(root, 'live')
  t.same(await takeOver(root), {
    code: 0,
    out: `${live}/api.example.com: stored for api.example.com\n${live}/example.com: stored for example.com\n`,
    err: ''
  })
  t.equal((await takeOver(live)).code, 0)
  t.equal((await takeOver(join(live, 'example.com'))).code, 0)
  t.same(actions.imported, [{ certificates: both }, { certificates: both }, { certificates: [sent('example.com')] }])
})

t.test('any folder with a chain and a key will do, also by a relative path', async t => {
  const { root, socket, actions } = await certbot(t, 'example.com')
  const plain = join(root, 'live', 'example.com')
  const launch = [join(project, 'scripts/twinedge'), 'certs', 'import', 'example.com', '--socket', socket]
  const { code } = await command('env', ['-u', 'NODE_OPTIONS', ...launch], { cwd: dirname(plain) })
  t.equal(code, 0)
  t.equal(actions.imported[0]?.certificates[0]?.source, plain, 'told by its whole path')
})

t.test('a linked folder is followed, and what is no certificate is passed by', async t => {
  const { root, actions, takeOver, sent } = await certbot(t, 'example.com')
  await mkdir(join(root, 'live', 'empty'))
  await cp(join(root, 'archive', 'example.com'), join(root, 'live', 'old'), { recursive: true })
  await symlink('nowhere', join(root, 'live', 'dangling'))
  await symlink('example.com', join(root, 'live', 'linked'))
  t.equal((await takeOver(root)).code, 0)
  const { source, ...texts } = sent('example.com')
  t.same(actions.imported, [
    { certificates: [sent('example.com'), { source: join(dirname(source), 'linked'), ...texts }] }
  ])
})

t.test('what was not stored is told with its reason; exit 1 only when nothing was', async t => {
  const { root, actions, takeOver } = await certbot(t, 'example.com', 'other.test')
  const refused = { source: join(root, 'live', 'other.test'), names: [], reason: 'none of ours\n  \u001b[2J' }
  const stored = { source: join(root, 'live', 'example.com'), names: ['example.com', 'b.example.com'], reason: null }
  actions.onImport = () => ({ certificates: [refused, stored] })
  const some = await takeOver(root)
  t.equal(some.code, 0)
  t.match(
    some.out,
    /other\.test: not stored: none of ours; \\u001b\[2J\n.*: stored for example\.com, b\.example\.com\n$/
  )
  actions.onImport = () => ({ certificates: [refused] })
  t.equal((await takeOver(root)).code, 1)
  const json = await takeOver(root, '--json')
  t.same([json.code, JSON.parse(json.out)], [1, { certificates: [refused] }])
})

t.test('what the edge finds wrong with all of them comes with its code', async t => {
  const { root, actions, takeOver } = await certbot(t, 'example.com')
  actions.onImport = () => {
    throw new EdgeError('TLS_KEY_MISMATCH', 'the key belongs to another certificate')
  }
  const { code, err } = await takeOver(root)
  t.equal(code, 1)
  t.match(err, /^TLS_KEY_MISMATCH: the key belongs to another certificate\nnext: /)
})

t.test('an import waits for the order that the edge is busy with', async t => {
  const { root, socket, actions } = await certbot(t, 'example.com')
  actions.onImport = async () => {
    await new Promise(resolve => setTimeout(resolve, 2_000))
    return { certificates: [{ source: root, names: ['example.com'], reason: null }] }
  }
  t.match(await twinedge(['certs', 'import', root, '--socket', socket], fastLimits), { code: 0, out: /stored for/ })
})

t.test('one that cannot be read does not stop the others', async t => {
  const { root, actions, takeOver, sent } = await certbot(t, 'example.com', 'half.test')
  await rm(join(root, 'archive', 'half.test', 'privkey3.pem'))
  const { code, out } = await takeOver(root)
  t.equal(code, 0)
  t.match(
    out,
    /^.*example\.com: stored for example\.com\n.*half\.test: not stored: TLS_FILE_UNREADABLE: .*privkey\.pem/
  )
  t.same(actions.imported, [{ certificates: [sent('example.com')] }])
  const json = JSON.parse((await takeOver(root, '--json')).out) as ImportAnswer
  t.same(
    json.certificates.map(({ names }) => names),
    [['example.com'], []]
  )
})

t.test('where none can be read, each path is named, and nothing is sent', async t => {
  const { root, actions, takeOver } = await certbot(t, 'a.test', 'b.test')
  await rm(join(root, 'live', 'a.test', 'fullchain.pem'))
  // A pipe never ends.
  await rm(join(root, 'archive', 'b.test', 'privkey3.pem'))
  await command('mkfifo', [join(root, 'archive', 'b.test', 'privkey3.pem')])
  const { code, err } = await takeOver(root)
  t.equal(code, 1)
  t.match(err, /^TLS_FILE_UNREADABLE: .*a\.test\/fullchain\.pem: ENOENT.*\n.*b\.test\/privkey\.pem: no file of at most/)
  t.notMatch(err, /as root/)
  t.same(actions.imported, [])
})

t.test('a file that is too large for a certificate is not read', async t => {
  const { root, takeOver } = await certbot(t, 'a.test')
  await writeFile(join(root, 'archive', 'a.test', 'fullchain3.pem'), 'x'.repeat(131_073))
  t.match((await takeOver(root)).err, /fullchain\.pem: no file of at most 131072 bytes/)
})

t.test('where there is nothing to take over, it says where it looked', async t => {
  const { root, actions, takeOver } = await certbot(t)
  const { code, err } = await takeOver(root)
  t.equal(code, 2)
  t.match(err, /^EDGE_USAGE: no fullchain\.pem with a privkey\.pem in any of .*letsencrypt, .*\/\*, .*\/live\/\*\n/)
  t.match(await takeOver(join(root, 'none')), { code: 1, err: /^TLS_FILE_UNREADABLE: .*none: ENOENT/ })
  t.match(await takeOver(), { code: 2, err: /^EDGE_USAGE: twinedge certs import DIR/ })
  t.match(await takeOver(root, root), { code: 2, err: /^EDGE_USAGE: twinedge certs import DIR/ })
  t.same(actions.imported, [])
})

t.test('a folder that only root may read is said to be one', async t => {
  const { root, socket } = await certbot(t, 'example.com')
  await chmod(dirname(root), 0o755)
  await chmod(join(root, 'live'), 0)
  t.teardown(() => chmod(join(root, 'live'), 0o700))
  const launch = [join(project, 'scripts/twinedge'), 'certs', 'import', root, '--socket', socket]
  const who = process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : []
  const { code, err } = await command('env', ['-u', 'NODE_OPTIONS', ...who, ...launch])
  t.equal(code, 1)
  t.match(err, /^TLS_FILE_UNREADABLE: .*live: EACCES.*; certbot keeps it for root: run this as root\nnext: /)
})
