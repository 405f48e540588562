import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { shipImage } from '../../../../compose/laptop/ship/ship.ts'
import type { Progress } from '../../../../compose/laptop/ship/transfer.ts'
import { loadImage } from '../../../../compose/server/ship/load.ts'
import { Pieces } from '../../../../compose/server/ship/pieces.ts'
import { layShipGround } from '../../../doubles/ship/ground.ts'
import { layerOf, makeImage } from '../../../doubles/ship/image.ts'
import { engineMissing } from '../../../doubles/stack/engine.ts'

const isRoot = process.getuid?.() === 0

function smallDisk(t: Test, folder: string, megabytes = 1): void {
  mkdirSync(folder, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder])
  t.teardown(() => {
    execFileSync('umount', ['--lazy', folder])
    rmSync(folder, { recursive: true, force: true })
  })
}

/** For what asks for it from now on. */
function setEnvironment(t: Test, name: string, value: string): void {
  const before = process.env[name]
  process.env[name] = value
  t.teardown(() => {
    if (before === undefined) delete process.env[name]
    else process.env[name] = before
  })
}

t.test('an image that has no room is refused before it is sent', { skip: engineMissing || !isRoot }, async t => {
  const ground = await layShipGround(t)
  const folder = join(ground.server.plan.folder, 'site')
  smallDisk(t, folder)
  let sent = 0
  const reference = await makeImage(t, [layerOf(3_000_000)])
  const progress = (now: Progress): void => {
    sent = now.sent
  }
  await t.rejects(shipImage(await ground.connect(), { reference, say: () => {}, progress }), {
    code: 'SHIP_DISK_FULL',
    detail: /has \d+ MB left, and this image needs \d+ MB/
  })
  t.equal(sent, 0)
  t.same(ground.pieces(), [])
})

t.test('a laptop that has no room to pack says so', { skip: engineMissing || !isRoot }, async t => {
  const ground = await layShipGround(t)
  const ssh = await ground.connect()
  const reference = await makeImage(t, [layerOf(3_000_000)])
  const folder = mkdtempSync(join(tmpdir(), 'te-small-'))
  smallDisk(t, folder)
  setEnvironment(t, 'TMPDIR', folder)
  const shipping = shipImage(ssh, { reference, say: () => {} })
  await t.rejects(shipping, { code: 'SHIP_DISK_FULL', detail: /^this laptop: ENOSPC/ })
  t.same(readdirSync(folder), [])
})

t.test('what the engine has, and wants again, needs room too', { skip: engineMissing || !isRoot }, async t => {
  const ground = await layShipGround(t, { isContainerd: true })
  const [base, change] = [layerOf(20_000_000), layerOf(30_000)]
  const ssh = await ground.connect()
  const say = (): void => {}
  await shipImage(ssh, { reference: await makeImage(t, [base]), say })
  const site = join(ground.server.plan.folder, 'site')
  // For what is sent, and 64 MB besides, there is room.
  smallDisk(t, site, 75)
  const reference = await makeImage(t, [base, change])
  await t.rejects(shipImage(ssh, { reference, say }), { code: 'SHIP_DISK_FULL', detail: /this image needs \d+ MB/ })

  const small = join(site, 'small')
  smallDisk(t, small)
  setEnvironment(t, 'DOCKER_HOST', ground.engine.host)
  const pieces = new Pieces(small, Date.now)
  await pieces.open()
  const diffIds = [`sha256:${createHash('sha256').update(base).digest('hex')}`]
  const loading = loadImage({ reference, fingerprint: '', diffIds }, { config: '', layers: [] }, pieces)
  await t.rejects(loading, { code: 'SHIP_DISK_FULL' }, 'when others take it meanwhile, too')
  await pieces.close()
})

t.test('a disk that others fill meanwhile is told of', { skip: !isRoot }, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'te-small-'))
  smallDisk(t, folder)
  const pieces = new Pieces(folder, Date.now)
  await pieces.open()
  const piece = { hash: 'a'.repeat(64), bytes: 3_000_000 }
  async function* content(): AsyncGenerator<Buffer> {
    for (let at = 0; at < 30; at++) yield randomBytes(100_000)
  }
  await t.rejects(pieces.take(piece, 0, content()), { code: 'SHIP_DISK_FULL' })
  await pieces.remove([piece.hash])
  await pieces.close()
  t.same(readdirSync(folder), [])
})
