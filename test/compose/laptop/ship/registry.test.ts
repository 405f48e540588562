import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { shipByRegistry } from '../../../../compose/laptop/ship/registry.ts'
import type { Ssh } from '../../../../compose/laptop/ssh/ssh.ts'
import { EdgeError } from '../../../../proxy/errors.ts'
import { putDocker } from '../../../doubles/docker-program.ts'
import { layShipGround } from '../../../doubles/ship/ground.ts'
import { layerOf, makeImage } from '../../../doubles/ship/image.ts'
import { startRegistry } from '../../../doubles/ship/registry.ts'
import { docker, engineMissing } from '../../../doubles/stack/engine.ts'

const say = (): void => {}

t.test('an image goes by way of a registry', { skip: engineMissing }, async t => {
  const [ground, registry] = [await layShipGround(t), await startRegistry(t)]
  const ssh = await ground.connect()
  const made = await makeImage(t, [layerOf(10_000)])
  const reference = `${registry.host}/te-ship/web:one`
  await docker(['tag', made, reference])
  t.teardown(() => docker(['image', 'rm', '--force', reference]))
  const { id } = await shipByRegistry(ssh, { reference, say })
  t.equal(id, (await docker(['image', 'inspect', '--format', '{{.Id}}', made])).out.trim())

  const lost = { reference, say: (line: string) => void (line.startsWith('Pulling') && registry.clear()) }
  await ground.engine.docker(['image', 'rm', reference])
  await t.rejects(shipByRegistry(ssh, lost), { code: 'SHIP_PULL_REFUSED', detail: /^single: / })
  const nowhere = { reference: '127.0.0.1:1/te-ship/web:one', say }
  await t.rejects(shipByRegistry(ssh, nowhere), { code: 'SHIP_PUSH_REFUSED' })
})

t.test('a push that the operator wants no longer ends at once', async t => {
  const docker = putDocker(t)
  const stopper = new AbortController()
  const why = new EdgeError('DEPLOY_INTERRUPTED', 'stopped by SIGINT')
  const shipped = shipByRegistry({} as Ssh, { reference: 'x', say, signal: stopper.signal })
  while (docker.told().length === 0) await pause(5)
  const beganMs = performance.now()
  stopper.abort(why)
  await t.rejects(shipped, why)
  t.ok(performance.now() - beganMs < 5_000)
})
