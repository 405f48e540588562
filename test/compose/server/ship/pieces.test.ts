import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Pieces } from '../../../../compose/server/ship/pieces.ts'

t.test('a piece that another laptop has brought meanwhile is whole, though one’s own part of it is gone', async t => {
  const pieces = new Pieces(t.testdir(), Date.now)
  const content = randomBytes(1000)
  const piece = { hash: createHash('sha256').update(content).digest('hex'), bytes: content.length }
  const reached = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  async function* slowly(): AsyncGenerator<Buffer> {
    yield content.subarray(0, 500)
    reached.resolve()
    await go.promise
    yield content.subarray(500)
  }
  const slow = pieces.take(piece, 0, slowly())
  await reached.promise
  t.equal(await pieces.take(piece, 0, once(content)), true)
  go.resolve()
  t.equal(await slow, true)
  t.same(await pieces.read(piece.hash), content)
})

t.test('one that is gone from the disk is not whole', async t => {
  const pieces = new Pieces(t.testdir(), Date.now)
  const content = randomBytes(1000)
  const hash = createHash('sha256').update(content).digest('hex')
  await pieces.take({ hash, bytes: 1000 }, 0, once(content))
  rmSync(join(pieces.folder, hash))
  t.equal(await pieces.take({ hash, bytes: 1000 }, 0, once(randomBytes(1000))), false)
})

t.test('what another laptop has named stays for as long as it is there', async t => {
  const folder = t.testdir()
  const clock = { ms: Date.now() }
  const visitOf = async (by: string): Promise<Pieces> => {
    const pieces = new Pieces(folder, () => clock.ms)
    await pieces.open()
    await pieces.claim([piece], by)
    return pieces
  }
  const content = randomBytes(1000)
  const hash = createHash('sha256').update(content).digest('hex')
  const piece = { hash, bytes: 1000 }
  const isThere = (): boolean => existsSync(join(folder, hash))

  const [ann, bob] = [await visitOf('ann'), await visitOf('bob')]
  await ann.take(piece, 0, once(content))
  await ann.release([hash])
  t.ok(isThere(), 'bob needs it')
  await bob.release([hash])
  t.notOk(isThere(), 'and is the last')

  const [one, other] = [await visitOf('ann'), await visitOf('ann')]
  await one.take(piece, 0, once(content))
  await other.release([hash])
  t.notOk(isThere(), 'over another line it is the same laptop')

  const killed = join(folder, `visit-${await pidOfNobody()}-abc`)
  mkdirSync(killed)
  await visitOf('eve')
  t.notOk(existsSync(killed), 'one whose process is gone has nothing to wait for')

  const [dead, alive] = [await visitOf('dead'), await visitOf('alive')]
  await alive.take(piece, 0, once(content))
  clock.ms += 121_000
  await alive.release([hash])
  t.notOk(isThere(), 'a receiver that was killed needs nothing')
  await visitOf('finn')
  t.notOk(existsSync(dead.aside), 'and leaves nothing')
  for (const pieces of [ann, bob, one, other, alive]) await pieces.close()
})

async function pidOfNobody(): Promise<number | undefined> {
  const child = spawn('true')
  await new Promise(resolve => child.once('close', resolve))
  return child.pid
}

async function* once(content: Buffer): AsyncGenerator<Buffer> {
  yield content
}
