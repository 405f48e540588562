import t, { type Test } from 'tap'
import type { KeyChange, LinkKeys } from '../../../../proxy/link/keys/link-keys.ts'
import { folder, open } from './pair.ts'

const strange = (letter: string): string => `SHA256:${letter.repeat(42)}A`

/** An edge with one key of its peer. */
async function paired(t: Test): Promise<{ keys: LinkKeys; peer: string; path: string; heard: KeyChange[] }> {
  const path = await folder(t)
  const keys = await open(t, path)
  const peer = strange('p')
  await keys.pin(peer)
  const heard: KeyChange[] = []
  keys.onChange(change => heard.push(change))
  return { keys, peer, path, heard }
}

const pinned = ({ status }: LinkKeys): string[] => status.peer.map(({ fingerprint }) => fingerprint)

t.test("one's own key is no key of the peer's, whoever asks, and neither is the next one", async t => {
  const { keys, peer } = await paired(t)
  await keys.beginRotation(new Date())
  for (const { fingerprint } of [keys.current, keys.next!]) {
    await t.rejects(keys.pin(fingerprint), {
      code: 'EDGE_USAGE',
      detail: /is a key of this server: .* the other one's/
    })
    await t.rejects(keys.takeFromPeer({ add: fingerprint }, peer), { code: 'EDGE_USAGE' })
  }
  t.same(pinned(keys), [peer])
})

t.test('what is not pinned cannot be forgotten: those that are, are named', async t => {
  const { keys, peer } = await paired(t)
  await t.rejects(keys.unpin(strange('x')), { code: 'EDGE_USAGE', detail: new RegExp(`those are ${peer}$`) })
  await keys.unpin(`"${peer.slice(7)}"`)
  await t.rejects(keys.unpin(peer), { code: 'EDGE_USAGE', detail: /there are none$/ })
})

t.test('a wrong fingerprint changes nothing', async t => {
  const { keys, peer } = await paired(t)
  await t.rejects(keys.pin('SHA256:'), { code: 'EDGE_USAGE' })
  await t.rejects(keys.unpin('SHA256:'), { code: 'EDGE_USAGE' })
  await t.rejects(keys.takeFromPeer({ add: 'SHA256:' }, peer), { code: 'EDGE_USAGE' })
  await t.rejects(keys.takeFromPeer({ add: strange('n'), drop: '' }, peer), { code: 'EDGE_USAGE' })
  t.same(pinned(keys), [peer])
})

t.test('the peer adds its next key and takes its old one away, over a line made with the new one', async t => {
  const { keys, peer, path, heard } = await paired(t)
  await keys.takeFromPeer({ add: strange('n') }, peer)
  await keys.takeFromPeer({ add: strange('n') }, peer)
  t.same(pinned(await open(t, path)), [peer, strange('n')], 'on disk')
  await keys.takeFromPeer({ drop: peer }, strange('n'))
  await keys.takeFromPeer({ drop: peer }, strange('n'))
  t.same(pinned(await open(t, path)), [strange('n')])
  t.same(heard, [
    { what: 'pinned', fingerprint: strange('n') },
    { what: 'forgotten', fingerprint: peer, isUrgent: false }
  ])
})

t.test('the key that a line was made with is not dropped over that line, and so never the last one', async t => {
  const { keys, peer } = await paired(t)
  await t.rejects(keys.takeFromPeer({ drop: peer }, peer), {
    code: 'EDGE_USAGE',
    detail: /ask over a line with the next/
  })
  await t.rejects(keys.takeFromPeer({ add: strange('n'), drop: peer }, peer), { code: 'EDGE_USAGE' })
  t.same(pinned(keys), [peer])
})

t.test('a line whose key was forgotten can leave no other key behind', async t => {
  const { keys, peer } = await paired(t)
  const forgotten = keys.unpin(peer)
  await t.rejects(keys.takeFromPeer({ add: strange('n') }, peer), { code: 'LINK_KEY_UNKNOWN', detail: /was forgotten/ })
  await forgotten
  t.same(pinned(keys), [])
})

t.test('a peer that goes mad fills neither disk nor memory', async t => {
  const { keys, peer } = await paired(t)
  const more = async (): Promise<void> => {
    for (const letter of 'abcdefgh') await keys.takeFromPeer({ add: strange(letter) }, peer)
  }
  await t.rejects(more(), { code: 'EDGE_USAGE', detail: /8 keys of the peer already: forget one/ })
  t.equal(pinned(keys).length, 8)
})
