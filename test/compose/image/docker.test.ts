import { chmodSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { docker, dockerSave } from '../../../compose/image/docker.ts'
import { unpackSaved } from '../../../compose/image/saved.ts'
import { takeInventory } from '../../../compose/server/ship/inventory.ts'
import { engineMissing } from '../../doubles/stack/engine.ts'

/** For the processes that a test starts. */
function setEnvironment(t: Test, name: string, value: string): void {
  const before = process.env[name]
  process.env[name] = value
  t.teardown(() => {
    if (before === undefined) delete process.env[name]
    else process.env[name] = before
  })
}

t.test('an engine that takes a question and never answers is given up', { skip: engineMissing }, async t => {
  const sockets = new Set<{ destroy(): void }>()
  const server = createServer(socket => void sockets.add(socket.on('error', () => {}))).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  setEnvironment(t, 'DOCKER_HOST', `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`)
  await t.rejects(takeInventory(1_000), {
    code: 'COMPOSE_ENGINE_UNREACHABLE',
    detail: /docker (?:info|image).*nothing for 1 s$/
  })
})

t.test('one that takes an archive slowly is waited for, and one that stops taking it is not', async t => {
  const folder = t.testdir()
  writeFileSync(join(folder, 'docker'), '#!/bin/sh\nif [ "$1" = load ]; then cat >/dev/null; else exec sleep 60; fi\n')
  chmodSync(join(folder, 'docker'), 0o755)
  setEnvironment(t, 'PATH', `${folder}:/usr/bin:/bin`)
  async function* slowly(): AsyncGenerator<Buffer> {
    for (let chunks = 0; chunks < 8; chunks++) {
      await pause(200)
      yield Buffer.alloc(1_000)
    }
  }
  t.match(await docker(['load'], { input: Readable.from(slowly()), withinMs: 1_000 }), { code: 0 })
  const began = Date.now()
  const stuck = docker(['stuck'], { input: Readable.from([Buffer.alloc(1_000_000)]), withinMs: 300 })
  await t.rejects(stuck, { code: 'COMPOSE_ENGINE_UNREACHABLE', detail: 'docker stuck: nothing for 0 s' })
  t.ok(Date.now() - began < 10_000)
})

t.test('of a docker save that fails half-way, what it has said is told', async t => {
  const folder = t.testdir({ saved: {} })
  const script = '#!/bin/sh\nhead -c "$2" /dev/zero\necho no space left on device >&2\nexit 1\n'
  writeFileSync(join(folder, 'docker'), script, { mode: 0o755 })
  setEnvironment(t, 'PATH', `${folder}:/usr/bin:/bin`)
  for (const bytes of ['0', '300000']) {
    const { archive } = dockerSave(bytes)
    const saved = unpackSaved(archive, join(folder, 'saved'), new Set())
    await t.rejects(saved, { code: 'SHIP_IMAGE_MISSING', detail: /no space left on device$/ })
  }
})
