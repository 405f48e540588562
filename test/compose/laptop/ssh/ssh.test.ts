import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { connectSsh } from '../../../../compose/laptop/ssh/ssh.ts'
import { here, sshMissing, startSshServer } from '../../../doubles/ssh/server.ts'

t.test('one connection carries every command, and each argument arrives as it is', { skip: sshMissing }, async t => {
  const server = await startSshServer(t)
  const ssh = await connectSsh(server.plan)
  t.teardown(() => ssh.close())
  const words = fc.array(
    fc.string({ unit: 'binary', maxLength: 20 }).filter(text => !text.includes('\0')),
    { maxLength: 4 }
  )
  await fc.assert(
    fc.asyncProperty(words, async args => {
      const { stdout } = await ssh.run(['printf', '%s\\0', 'x', ...args])
      t.same(
        stdout.split('\0').slice(1, -1),
        args.map(arg => Buffer.from(arg).toString())
      )
    }),
    { numRuns: 15 }
  )
  const both = await Promise.all([ssh.run(['cat'], { input: 'eins' }), ssh.run(['sh', '-c', 'echo zwei >&2; exit 3'])])
  t.match(both, [
    { code: 0, stdout: 'eins' },
    { code: 3, stderr: 'zwei\n' }
  ])
})

/** Each reads a backslash, `!`, `=word` and the end of a line in its own way; those that this machine has. */
const shells = ['dash', 'bash', 'zsh', 'fish', 'tcsh'].map(name => `/usr/bin/${name}`).filter(existsSync)
const quotable = ["it's", '=ls', '%self', '{a}', '$HOME `id`', '', '*', '~']
const awkward = ['a\\b', 'a\\\\', "\\'", '!!', '! x', 'one\ntwo\n', 'ü', '\t']

t.test(`whatever the login's shell is: ${shells}`, { skip: sshMissing }, async t => {
  for (const shell of shells) {
    const { plan } = await startSshServer(t, 'single', {}, { ...here, shell })
    const ssh = await connectSsh(plan)
    t.teardown(() => ssh.close())
    t.equal(ssh.isRoot, process.getuid?.() === 0)
    for (const words of [quotable, awkward]) {
      // A backslash would have all of it go as numbers.
      const { stdout } = await ssh.run(['printf', '%s|', ...words])
      t.same(stdout.split('|').slice(0, -1), words, shell)
    }
  }
})

t.test('a login without a shell, or with one that says nothing, is told of', { skip: sshMissing }, async t => {
  const script = (name: string, text: string): string => {
    const file = join(t.testdirName, name)
    writeFileSync(file, `#!/bin/sh\n${text}\n`)
    chmodSync(file, 0o755)
    return file
  }
  t.testdir()
  const barred = await startSshServer(
    t,
    'single',
    {},
    { ...here, shell: script('nologin', 'echo not available; exit 1') }
  )
  await t.rejects(connectSsh(barred.plan), { code: 'SSH_SHELL_REFUSED', detail: /ssh -F .* single\): not available$/ })
  const hanging = await startSshServer(t, 'single', {}, { ...here, shell: script('hangs', 'exec sleep 60') })
  await t.rejects(connectSsh(hanging.plan, { withinMs: 1_000 }), {
    code: 'SSH_UNREACHABLE',
    detail: /nothing was heard for 1 s$/
  })
})

t.test('a server that dies is told of at once, to whatever was under way', { skip: sshMissing }, async t => {
  const server = await startSshServer(t)
  const ssh = await connectSsh(server.plan)
  const running = ssh.run(['sleep', '60'])
  server.kill()
  await t.rejects(running, { code: 'SSH_UNREACHABLE' })
  await t.rejects(ssh.run(['true']), { code: 'SSH_UNREACHABLE' }, 'and nothing connects anew behind its back')
})

t.test('what ssh refuses is told apart', { skip: sshMissing }, async t => {
  const { plan, folder, kill } = await startSshServer(t)
  const known = `${folder}/known_hosts`
  writeFileSync(known, '')
  await t.rejects(connectSsh(plan), { code: 'SSH_HOST_KEY_UNKNOWN' })
  t.equal(readFileSync(known, 'utf8'), '', 'and none is taken unseen')
  const other = await startSshServer(t)
  const [host = ''] = readFileSync(`${other.folder}/known_hosts`, 'utf8').split(' ')
  const otherKey = readFileSync(`${other.folder}/host.pub`, 'utf8')
  const own = /Port (\d+)/.exec(readFileSync(`${folder}/config`, 'utf8'))![1]
  writeFileSync(known, `${host.replace(/\d+$/, own!)} ${otherKey}`)
  await t.rejects(connectSsh(plan), { code: 'SSH_HOST_KEY_CHANGED' })
  writeFileSync(known, `[127.0.0.1]:${own} ${readFileSync(`${folder}/host.pub`, 'utf8')}`)
  await t.rejects(connectSsh({ ...plan, key: `${other.folder}/id`, ssh: plan.ssh, sshConfig: keyless(folder) }), {
    code: 'SSH_KEY_REFUSED'
  })
  kill()
  await t.rejects(connectSsh(plan), { code: 'SSH_UNREACHABLE' })
})

function keyless(folder: string): string {
  const path = `${folder}/keyless`
  writeFileSync(path, readFileSync(`${folder}/config`, 'utf8').replace(/\n *IdentityFile.*/, ''))
  return path
}

t.test('a configuration that ssh refuses, and no ssh at all', { skip: sshMissing }, async t => {
  const { plan, folder } = await startSshServer(t)
  writeFileSync(`${folder}/config`, 'Nonsense yes\n')
  await t.rejects(connectSsh(plan), { code: 'SSH_CONFIG_REFUSED' })
  const { PATH } = process.env
  t.teardown(() => {
    process.env.PATH = PATH
  })
  process.env.PATH = '/nonexistent'
  await t.rejects(connectSsh(plan), { code: 'SSH_MISSING' })
})
