import { spawn } from 'node:child_process'
import { chmodSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { project } from '../../doubles/command.ts'
import { makeLaptop } from '../../doubles/ssh/laptop.ts'
import { here, sshMissing, startSshServer } from '../../doubles/ssh/server.ts'

interface Stopped {
  readonly code: number | null
  readonly signal: string | null
  readonly said: string
}

/** A verb whose server never answers, and an operator who presses Ctrl-C then. */
async function interrupted(t: Test, args: readonly string[]): Promise<Stopped> {
  const folder = t.testdir({ hangs: '#!/bin/sh\ntouch "$0.reached"\nexec sleep 60\n', stack: {}, '.env': '' })
  chmodSync(join(folder, 'hangs'), 0o755)
  const server = await startSshServer(t, 'single', {}, { ...here, shell: join(folder, 'hangs') })
  const place = { project: 'te-none', folder: join(folder, 'stack'), envFile: join(folder, '.env') }
  const { site } = makeLaptop(server, place)
  const { NODE_OPTIONS: _, ...env } = process.env
  const child = spawn(join(project, 'scripts/twinedge'), [...args, '--site', site], { env })
  let said = ''
  child.stderr.on('data', chunk => {
    said += chunk
  })
  const ended = new Promise<Stopped>(resolve => {
    child.once('close', (code, signal) => resolve({ code, signal, said }))
  })
  for (let tries = 0; tries < 300 && !existsSync(join(folder, 'hangs.reached')); tries++) await pause(50)
  child.kill('SIGINT')
  return ended
}

t.test('Ctrl-C ends at once what changes nothing', { skip: sshMissing }, async t => {
  t.match(await interrupted(t, ['history']), { code: null, signal: 'SIGINT', said: '' })
})

t.test('and what has changed nothing yet, with its code', { skip: sshMissing }, async t => {
  const began = Date.now()
  t.match(await interrupted(t, ['rollback']), { code: 1, said: /stopping[\s\S]*DEPLOY_INTERRUPTED/ })
  t.ok(Date.now() - began < 20_000)
})

t.test('and a bootstrap, with what goes on from there', { skip: sshMissing }, async t => {
  t.match(await interrupted(t, ['bootstrap']), {
    code: 130,
    said: /^stopped: .* twinedge bootstrap goes on from there/m
  })
  t.match(await interrupted(t, ['bootstrap', '--dry-run']), { signal: 'SIGINT', said: '' }, 'it has begun nothing')
})
