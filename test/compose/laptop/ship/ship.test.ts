// To an engine that keeps images in containerd, the later changes are shipped with WAN=long only.
import t, { type Test } from 'tap'
import { shipImage } from '../../../../compose/laptop/ship/ship.ts'
import { layShipGround, type ShipGround } from '../../../doubles/ship/ground.ts'
import { layerOf, makeImage } from '../../../doubles/ship/image.ts'
import { engineMissing } from '../../../doubles/stack/engine.ts'

const say = (): void => {}
const options = { skip: engineMissing }

const plain = engineMissing === '' ? await layShipGround(t) : null

t.test('only what the server lacks is sent', options, t => changes(t, plain!))
t.test('only what the server lacks is sent, to an engine that keeps images in containerd', options, async t => {
  await changes(t, await layShipGround(t, { isContainerd: true }), process.env.WAN === 'long')
})

async function changes(t: Test, ground: ShipGround, isWhole = true): Promise<void> {
  const ssh = await ground.connect()
  const [system, packages, code, mended] = [layerOf(5_000_000), layerOf(400_000), layerOf(30_000), layerOf(30_000)]
  const idOf = async (name: string): Promise<string> =>
    (await ground.engine.docker(['image', 'inspect', '--format', '{{.Id}}', name])).out.trim()

  const first = await makeImage(t, [system, packages, code])
  const all = await shipImage(ssh, { reference: first, say })
  t.equal(all.id, await idOf(first), 'the engine has it, by its name')
  t.ok(all.bytes > 5_430_000 && all.sentBytes === all.bytes, 'all of it, once')

  const second = await makeImage(t, [system, packages, mended])
  const change = await shipImage(ssh, { reference: second, say })
  t.ok(change.bytes > 30_000 && change.bytes < 35_000, 'of a change, its layer alone')
  t.equal(change.id, await idOf(second))

  const images = [first, second]
  if (isWhole) {
    const again = await shipImage(ssh, { reference: first, say })
    t.match(again, { id: all.id, sentBytes: 0 }, 'nothing is missing, nothing is sent')

    const third = await makeImage(t, [layerOf(20_000), packages, mended])
    const renewed = await shipImage(ssh, { reference: third, say })
    t.ok(renewed.bytes < 25_000, 'layers that lie on another one now are taken from where they were')
    t.equal(renewed.id, await idOf(third))
    images.push(third)
  }
  t.same(ground.pieces(), [], 'no piece is left')
  const saved = await ground.engine.docker(['save', '--output', `${ground.server.folder}/all.tar`, ...images])
  t.match(saved, { code: 0 }, 'each is whole: it can be saved')
}

t.test('two laptops that ship the same layers at once do not disturb each other', options, async t => {
  const ground = plain!
  const [one, other] = [await ground.connect(), await ground.connect()]
  const reference = await makeImage(t, [layerOf(9_000_000), layerOf(10_000)])
  const both = await Promise.all([one, other].map(ssh => shipImage(ssh, { reference, say })))
  t.equal(both[0]!.id, both[1]!.id)
  t.same(ground.pieces(), [])
})

t.test('an image for another machine is refused before anything is sent', options, async t => {
  const ground = plain!
  const reference = await makeImage(t, [layerOf(10_000)], 'riscv64')
  await t.rejects(shipImage(await ground.connect(), { reference, say }), {
    code: 'SHIP_ARCH_OTHER',
    detail: /is for linux\/riscv64, and single is linux/
  })
  await t.rejects(shipImage(await ground.connect(), { reference: 'localhost/te-ship/none:one', say }), {
    code: 'SHIP_IMAGE_MISSING'
  })
})
