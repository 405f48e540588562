import { copyFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { EdgeError } from '../../../../proxy/errors.ts'
import type { KeyChange, LinkKeys } from '../../../../proxy/link/keys/link-keys.ts'
import type { AskPeer } from '../../../../proxy/link/keys/rotation.ts'
import { dayMs, derOf, folder, now, open } from './pair.ts'

const down: AskPeer = async () => {
  throw new EdgeError('LINK_DOWN', 'no line is open')
}
const at = (days: number): Date => new Date(now.getTime() + days * dayMs)
const pinned = ({ status }: LinkKeys): string[] => status.peer.map(({ fingerprint }) => fingerprint)

async function pair(t: Test) {
  const paths = { a: await folder(t), b: await folder(t) }
  const [a, b] = [await open(t, paths.a), await open(t, paths.b)]
  await a.pin(b.current.fingerprint)
  await b.pin(a.current.fingerprint)
  return { a, b, paths, first: a.current }
}

/** A new line for each question; it answers as the other edge's desk does. */
function over(from: LinkKeys, to: LinkKeys, { by = () => from.current, when = now } = {}): AskPeer {
  return async (_method, _path, body) => {
    const own = by()
    if (to.judge(derOf(own), when) !== 'known') throw new EdgeError('LINK_KEY_UNKNOWN', own.fingerprint)
    await new Promise(setImmediate)
    try {
      await to.takeFromPeer(body, own.fingerprint)
      return { status: 200 }
    } catch {
      return { status: 409 }
    }
  }
}

t.test('the peer has the new key before it is used, and forgets the old one after', async t => {
  const { a, b, paths, first } = await pair(t)
  const heard: KeyChange[] = []
  a.onChange(change => heard.push(change))
  await a.beginRotation(now)
  const { fingerprint } = a.next!
  t.same([a.current, a.status.next?.fingerprint], [first, fingerprint], 'nothing is used yet')
  const asked: unknown[] = []
  await a.finishRotation(async (method, path, body) => {
    asked.push([method, path, body, a.current.fingerprint])
    return over(a, b)(method, path, body)
  })
  t.same(asked, [
    ['POST', '/.link/keys', { add: fingerprint }, first.fingerprint],
    ['POST', '/.link/keys', { drop: first.fingerprint }, fingerprint]
  ])
  t.same(heard, [{ what: 'renewed', fingerprint }])
  t.same([a.current.fingerprint, a.next, a.dropPending, pinned(b)], [fingerprint, null, [], [fingerprint]])
  const again = await open(t, paths.a)
  t.same([again.current, again.next], [a.current, null], 'as it is on disk')
  t.same(pinned(await open(t, paths.b)), [fingerprint])
})

t.test('a peer that is away, or refuses, changes nothing; the same key is handed over later', async t => {
  const { a, b, paths, first } = await pair(t)
  await a.beginRotation(now)
  const { fingerprint } = a.next!
  await t.rejects(a.finishRotation(down), { code: 'LINK_DOWN' })
  await t.rejects(
    a.finishRotation(async () => ({ status: 500 })),
    { code: 'LINK_PEER_REFUSED', detail: /answered 500 to .*add/ }
  )
  await a.beginRotation(at(1))
  t.same([a.current, a.next?.fingerprint, a.dropPending], [first, fingerprint, []])
  const later = await open(t, paths.a)
  t.equal(later.next?.fingerprint, fingerprint, 'a restart keeps it')
  await later.finishRotation(over(later, b))
  t.same([later.current.fingerprint, pinned(b)], [fingerprint, [fingerprint]])
})

t.test('what the peer could not be told to forget is told later, even after a restart', async t => {
  const { a, b, paths, first } = await pair(t)
  await a.beginRotation(now)
  // The line that asks was made with the old key, and stands.
  await a.finishRotation(over(a, b, { by: () => first }))
  t.same([a.dropPending, pinned(b)], [[first.fingerprint], [first.fingerprint, a.current.fingerprint]])
  const again = await open(t, paths.a)
  t.same(again.dropPending, [first.fingerprint])
  await again.finishRotation(down)
  t.same(again.dropPending, [first.fingerprint])
  await again.finishRotation(over(again, b))
  t.same([again.dropPending, pinned(b)], [[], [a.current.fingerprint]])
  t.same((await open(t, paths.a)).dropPending, [])
})

t.test('what asks, but is no failure of the link, is not taken for one', async t => {
  const { a, b, first } = await pair(t)
  await a.beginRotation(now)
  await a.finishRotation(over(a, b, { by: () => first }))
  await t.rejects(
    a.finishRotation(async () => {
      throw new TypeError('a fault of ours')
    }),
    /a fault of ours/
  )
})

t.test('two edges that rotate at the same time hinder each other in nothing', { timeout: 20_000 }, async t => {
  const { a, b } = await pair(t)
  for (const round of [1, 2, 3]) {
    await Promise.all([a.beginRotation(now), b.beginRotation(now)])
    await Promise.all([a.finishRotation(over(a, b)), b.finishRotation(over(b, a)), a.finishRotation(over(a, b))])
    t.same([pinned(a), pinned(b)], [[b.current.fingerprint], [a.current.fingerprint]], `${round}`)
    t.same([a.judge(derOf(b.current), now), b.judge(derOf(a.current), now)], ['known', 'known'])
  }
})

t.test('an operator who rotates while it goes on by itself waits for the same rotation', async t => {
  const { a, b } = await pair(t)
  await a.beginRotation(now)
  let asked = 0
  const ask: AskPeer = (method, path, body) => {
    asked += 1
    return over(a, b)(method, path, body)
  }
  await Promise.all([a.finishRotation(ask), a.finishRotation(ask)])
  t.same([asked, a.next, pinned(b)], [2, null, [a.current.fingerprint]])
  await a.finishRotation(ask)
  t.equal(asked, 2, 'there is nothing more to tell')
})

t.test('less than 30 days before its end a key is due, until the next one stands ready', async t => {
  const { a } = await pair(t)
  t.notOk(a.isDueForRotation(at(335)))
  t.ok(a.isDueForRotation(at(335.1)))
  t.ok(a.isDueForRotation(at(364.9)))
  t.notOk(a.isDueForRotation(at(365)), 'the peer refuses it: that is for an operator')
  await a.beginRotation(at(336))
  t.notOk(a.isDueForRotation(at(336)))
})

t.test('in place of an expired key the next one is used at once: nobody can be told over the link', async t => {
  const { a, b, first } = await pair(t)
  t.equal(b.judge(derOf(a.current), at(366)), 'expired')
  const heard: KeyChange[] = []
  a.onChange(change => heard.push(change))
  await a.beginRotation(at(366))
  const { fingerprint } = a.current
  t.same(heard, [{ what: 'renewed', fingerprint }])
  t.same([a.next, a.dropPending], [null, [first.fingerprint]])
  t.equal(b.judge(derOf(a.current), at(366)), 'unknown')
  await b.pin(fingerprint)
  t.equal(b.judge(derOf(a.current), at(366)), 'known')
  await a.finishRotation(over(a, b, { when: at(366) }))
  t.same([a.dropPending, pinned(b)], [[], [fingerprint]])
})

t.test('the one that was waiting is used then, unless its own time is over as well', async t => {
  const { a } = await pair(t)
  await a.beginRotation(at(340))
  const waiting = a.next!.fingerprint
  await a.beginRotation(at(366))
  t.equal(a.current.fingerprint, waiting)
  await a.beginRotation(at(400))
  const late = a.next!.fingerprint
  await a.beginRotation(at(1_000))
  t.notOk([waiting, late].includes(a.current.fingerprint))
  t.equal(a.current.expiresAt, at(1_365).toISOString())
})

t.test('a kill just before the next key was put away leaves one key, not two that are the same', async t => {
  const { a, paths } = await pair(t)
  await copyFile(join(paths.a, 'link/own.pem'), join(paths.a, 'link/next.pem'))
  const again = await open(t, paths.a)
  t.same([again.current, again.next], [a.current, null])
  t.same((await readdir(join(paths.a, 'link'))).sort(), ['own.pem', 'peer.json'])
})

t.test('a rotation whose next key was lost never lets the peer forget the one in use', async t => {
  const { a, b, paths, first } = await pair(t)
  // As a kill leaves it that comes just before the next key is used.
  const pins = { keys: [b.current.fingerprint], drop: [first.fingerprint] }
  await writeFile(join(paths.a, 'link/peer.json'), JSON.stringify(pins))
  const again = await open(t, paths.a)
  await again.finishRotation(async () => {
    t.fail('there is nothing to tell')
    return { status: 200 }
  })
  t.same([again.current.fingerprint, again.dropPending], [a.current.fingerprint, []])
  await again.beginRotation(now)
  await again.finishRotation(over(again, b))
  t.same([again.dropPending, pinned(b)], [[], [again.current.fingerprint]])
})

t.test('when the key is lost, the next one takes its place: the peer may have it already', async t => {
  const { a, paths } = await pair(t)
  await a.beginRotation(now)
  await rm(join(paths.a, 'link/own.pem'))
  const again = await open(t, paths.a)
  t.same([again.current.fingerprint, again.next], [a.next!.fingerprint, null])
})
