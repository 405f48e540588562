import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { fingerprintOf } from '../../../../proxy/link/keys/fingerprint.ts'
import { type KeyChange, LinkKeys } from '../../../../proxy/link/keys/link-keys.ts'
import { makeSelfSigned } from '../../../../proxy/tls/local-certificate.ts'
import { dayMs, derOf, folder, now, open } from './pair.ts'

t.test('the first start makes a key for a year, for this user alone; the next one finds it', async t => {
  const path = await folder(t)
  const { current, next, status } = await open(t, path)
  t.equal(next, null)
  const certificate = new X509Certificate(current.cert)
  t.ok(certificate.checkPrivateKey(createPrivateKey(current.key)))
  t.ok(certificate.verify(certificate.publicKey), 'signed by itself')
  t.ok(certificate.validFromDate < now, 'a clock that is behind takes it')
  t.same(
    [current.madeAt, current.expiresAt],
    [now, new Date(now.getTime() + 365 * dayMs)].map(at => at.toISOString())
  )
  t.equal((await stat(join(path, 'link/own.pem'))).mode & 0o777, 0o600)
  const { fingerprint, madeAt, expiresAt } = current
  t.same(status, { own: { fingerprint, madeAt, expiresAt }, next: null, peer: [] })
  t.same((await open(t, path)).current, current)
})

t.test('a fingerprint is of the public key, as openssl and OpenSSH compute it', async t => {
  const { current } = await open(t, await folder(t))
  const spki = new X509Certificate(current.cert).publicKey.export({ type: 'spki', format: 'der' })
  const hash = createHash('sha256').update(spki).digest('base64')
  t.equal(current.fingerprint, `SHA256:${hash.slice(0, 43)}`)
  t.equal(fingerprintOf(derOf(current)), current.fingerprint)
})

for (const damage of ['', 'nonsense', 'only its key', 'only its certificate', "another's key"]) {
  t.test(`a key that is damaged (${damage || 'empty'}) is kept aside, made anew and told of`, async t => {
    const path = await folder(t)
    const before = (await open(t, path)).current
    const other = await makeSelfSigned('other', now, 1)
    const content = {
      'only its key': before.key,
      'only its certificate': before.cert,
      "another's key": before.cert + other.key
    }
    await writeFile(join(path, 'link/own.pem'), content[damage as keyof typeof content] ?? damage)
    const warnings: string[] = []
    const { current } = await LinkKeys.open(path, now, warning => warnings.push(warning))
    t.not(current.fingerprint, before.fingerprint)
    t.match(warnings, [/key was damaged and one was made anew \(kept: .*own\.pem\.broken-.*twinedge link pair/])
    t.equal((await readdir(join(path, 'link'))).filter(name => name.includes('broken')).length, 1)
    t.equal((await open(t, path)).current.fingerprint, current.fingerprint)
  })
}

for (const damage of ['', '{"keys":["SHA256:', '[]', '{"keys":[]}', '{"keys":["web"],"drop":[]}']) {
  t.test(`pins that are damaged (${damage || 'empty'}) let nobody in, and are told of`, async t => {
    const path = await folder(t)
    const peer = (await open(t, await folder(t))).current
    await (await open(t, path)).pin(peer.fingerprint)
    await writeFile(join(path, 'link/peer.json'), damage)
    const warnings: string[] = []
    const keys = await LinkKeys.open(path, now, warning => warnings.push(warning))
    t.equal(keys.judge(derOf(peer), now), 'unpaired')
    t.match(warnings, [/peer\.json is damaged: .*twinedge link pair; it is now .*broken-/])
    t.equal(await readFile(/now (.*)$/.exec(warnings[0]!)![1]!, 'utf8'), damage)
    await keys.pin(peer.fingerprint)
    t.equal((await open(t, path)).judge(derOf(peer), now), 'known')
  })
}

t.test('a peer is judged by its key: unpaired, unknown, known, expired, from the future, or ourselves', async t => {
  const keys = await open(t, await folder(t))
  const [peer, stranger] = [await open(t, await folder(t)), await open(t, await folder(t))].map(one => one.current)
  t.equal(keys.judge(derOf(peer!), now), 'unpaired')
  t.equal(keys.judge(derOf(keys.current), now), 'own')
  await keys.pin(peer!.fingerprint)
  const { fingerprint, madeAt, expiresAt } = peer!
  t.same(keys.status.peer, [{ fingerprint, madeAt: null, expiresAt: null }], 'nobody has seen it yet')
  t.equal(keys.judge(derOf(stranger!), now), 'unknown')
  t.equal(keys.judge(derOf(peer!), now), 'known')
  t.same(keys.status.peer, [{ fingerprint, madeAt, expiresAt }])
  const at = (ms: number): Date => new Date(now.getTime() + ms)
  t.equal(keys.judge(derOf(peer!), at(365 * dayMs - 1_000)), 'known')
  t.equal(keys.judge(derOf(peer!), at(365 * dayMs)), 'expired')
  t.equal(keys.judge(derOf(peer!), at(-7_000_000)), 'known', 'clocks differ')
  t.equal(keys.judge(derOf(peer!), at(-8_000_000)), 'clock')
  t.equal(keys.judge(derOf(stranger!), at(500 * dayMs)), 'unknown', 'a stranger learns nothing of clocks')
})

t.test('what is pinned is on disk before anybody hears of it; so is what is forgotten', async t => {
  const path = await folder(t)
  const keys = await open(t, path)
  const { fingerprint } = (await open(t, await folder(t))).current
  const heard: KeyChange[] = []
  const onDisk = async (): Promise<unknown> => JSON.parse(await readFile(join(path, 'link/peer.json'), 'utf8')).keys
  const found: Promise<unknown>[] = []
  keys.onChange(change => {
    heard.push(change)
    found.push(onDisk())
  })
  await keys.pin(fingerprint)
  await keys.pin(fingerprint)
  t.same(heard, [{ what: 'pinned', fingerprint }], 'once')
  t.equal((await stat(join(path, 'link/peer.json'))).mode & 0o777, 0o600)
  await keys.unpin(fingerprint)
  t.same(heard.slice(1), [{ what: 'forgotten', fingerprint, isUrgent: true }])
  t.same(await Promise.all(found), [[fingerprint], []])
  t.same((await open(t, path)).status.peer, [])
})

t.test('who has ended a subscription hears nothing more', async t => {
  const keys = await open(t, await folder(t))
  const end = keys.onChange(() => t.fail('it ended'))
  end()
  await keys.pin((await open(t, await folder(t))).current.fingerprint)
})

t.test('orders that come at once are carried out one after the other, and none is lost', async t => {
  const path = await folder(t)
  const keys = await open(t, path)
  const names = Array.from({ length: 8 }, (_, at) => `SHA256:${createHash('sha256').update(`${at}`).digest('base64')}`)
  await Promise.all(names.map(name => keys.pin(name)))
  t.same(
    (await open(t, path)).status.peer.map(({ fingerprint }) => `${fingerprint}=`),
    names
  )
  await t.rejects(keys.pin('A'.repeat(43)), { code: 'EDGE_USAGE', detail: /8 keys of the peer already/ })
  await keys.unpin(names[0]!)
  await keys.pin('A'.repeat(43))
})

t.test('what a killed write has left is taken away, since there may be a key in it', async t => {
  const path = await folder(t)
  await open(t, path)
  for (const name of ['old.tmp', 'young.tmp']) await writeFile(join(path, 'link', name), 'a key')
  const old = new Date(now.getTime() - 7_200_000)
  await utimes(join(path, 'link/old.tmp'), old, old)
  await utimes(join(path, 'link/young.tmp'), now, now)
  await open(t, path)
  t.same((await readdir(join(path, 'link'))).sort(), ['own.pem', 'young.tmp'])
})
