// A line that is cut, a laptop that dies, bytes that spoil. With WAN=long it is cut ten times instead of four.
import { spawn } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { openReceiver } from '../../../../compose/laptop/ship/receiver.ts'
import { shipImage } from '../../../../compose/laptop/ship/ship.ts'
import type { Progress } from '../../../../compose/laptop/ship/transfer.ts'
import { project } from '../../../doubles/command.ts'
import { until } from '../../../doubles/edge-process.ts'
import { layShipGround } from '../../../doubles/ship/ground.ts'
import { layerOf, makeImage } from '../../../doubles/ship/image.ts'
import { engineMissing } from '../../../doubles/stack/engine.ts'

const say = (): void => {}
const options = { skip: engineMissing }
const ground = engineMissing === '' ? await layShipGround(t) : null
const { server, connect, pieces } = ground ?? ({} as NonNullable<typeof ground>)

/** The receiver of a line that was lost may end a moment later than the ship. */
const untilNothingIsLeft = (): Promise<void> => until(() => pieces().length === 0, 'no piece is left')

/** Calls when so much of it has come, once for each share. */
function atShares(shares: readonly number[], reached: () => void): (progress: Progress) => void {
  const left = [...shares]
  return ({ sent, total }) => {
    if (sent < (left[0] ?? Number.POSITIVE_INFINITY) * total) return
    left.shift()
    reached()
  }
}

const shares = [0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95]
const cutAt = process.env.WAN === 'long' ? shares : shares.filter((_, index) => index % 3 === 0)
// The first ones may cost the most of it.
const limit = 0.05
t.test(`a line that is cut ${cutAt.length} times costs less than ${limit * 100} %`, options, async t => {
  const reference = await makeImage(t, [layerOf(24_000_000), layerOf(10_000)])
  let cuts = 0
  const progress = atShares(cutAt, () => {
    cuts++
    server.kill()
    void server.start()
  })
  const { bytes, sentBytes, resentBytes } = await shipImage(await connect(), { reference, say, progress })
  t.equal(cuts, cutAt.length)
  t.comment(`${resentBytes} of ${bytes} bytes were sent again`)
  t.ok(sentBytes === bytes + resentBytes && resentBytes < limit * bytes, `${resentBytes} of ${bytes}`)
})

t.test('a laptop that is killed goes on where it was, in the middle of a layer', options, async t => {
  const reference = await makeImage(t, [layerOf(20_000_000)])
  const { NODE_OPTIONS: _, ...env } = process.env
  const file = join(project, 'test/doubles/ship/laptop.ts')
  const laptop = spawn(process.execPath, [file, JSON.stringify(server.plan), reference], {
    env,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const died = new Promise(resolve => laptop.once('close', (_, signal) => resolve(signal)))
  createInterface({ input: laptop.stdout }).on('line', sent => Number(sent) > 10_000_000 && laptop.kill('SIGKILL'))
  t.equal(await died, 'SIGKILL')
  const { sentBytes } = await shipImage(await connect(), { reference, say })
  t.ok(sentBytes < 11_000_000, `${sentBytes} of 20,000,000 were to go`)
  await untilNothingIsLeft()
})

t.test('an operator who stops it is heard at once, and what had come is there another time', options, async t => {
  const reference = await makeImage(t, [layerOf(16_000_000)])
  const operator = new AbortController()
  const stopped = new Error('stopped')
  let left = 0
  const progress = (now: Progress): void => {
    if (now.sent > 0.5 * now.total) operator.abort(stopped)
    left = now.total - now.sent
  }
  const [one, other] = [await connect(), await connect()]
  const { signal } = operator
  await t.rejects(shipImage(one, { reference, say, progress, signal }), stopped)
  await t.rejects(shipImage(one, { reference, say, signal }), stopped, 'nor is another begun')
  const { sentBytes } = await shipImage(other, { reference, say })
  t.ok(sentBytes <= left && sentBytes < 8_100_000, `${sentBytes} of 16,000,000 were to go`)
})

t.test('what is spoilt on the way, or on the disk, is found and sent again', options, async t => {
  const reference = await makeImage(t, [layerOf(12_000_000), layerOf(1_000_000)])
  const progress = atShares([0.55], () => server.kill())
  await t.rejects(shipImage(await connect(), { reference, say, progress, patienceMs: 0 }), {
    code: 'SHIP_LINE_LOST',
    detail: /nothing has come through/
  })
  await server.start()
  const folder = join(server.plan.folder, 'site/pieces')
  const left = pieces()
  t.ok(
    left.some(name => /^\w{64}\./.test(name)) && left.some(name => !name.includes('.')),
    'whole pieces, and a part of one'
  )
  for (const name of left) {
    const content = readFileSync(join(folder, name))
    content[content.length >> 1]! ^= 1
    writeFileSync(join(folder, name), content)
  }
  const { id, sentBytes } = await shipImage(await connect(), { reference, say })
  t.match((await ground!.engine.docker(['image', 'inspect', '--format', '{{.Id}}', reference])).out, id)
  t.ok(sentBytes > 12_990_000 && sentBytes < 15_000_000, `${sentBytes}: what was spoilt, and what had not come`)
  await untilNothingIsLeft()
})

t.test('what no engine takes for an image is refused in its words', options, async t => {
  const ssh = await connect()
  const receiver = openReceiver(ssh)
  t.teardown(() => receiver.close())
  receiver.say({ look: { reference: 'localhost/te-ship/none:one', fingerprint: '', diffIds: [] } })
  t.match(await receiver.next(), { found: { id: null } })
  receiver.say({ begin: { config: Buffer.from('{}').toString('base64'), layers: [] }, by: 'test' })
  t.same(await receiver.next(), { kept: {} })
  receiver.say({ load: true })
  await t.rejects(receiver.next(), { code: 'SHIP_LOAD_REFUSED', detail: /docker load/ })
})

t.test('leftovers of laptops that never came back are cleared', options, async t => {
  const old = join(server.plan.folder, 'site/pieces', `${'0'.repeat(64)}.abc`)
  writeFileSync(old, 'x')
  const { utimesSync } = await import('node:fs')
  utimesSync(old, new Date(), new Date(Date.now() - 4 * 24 * 3_600_000))
  t.ok(statSync(old))
  await shipImage(await connect(), { reference: await makeImage(t, [layerOf(1_000)]), say })
  t.same(pieces(), [])
})
