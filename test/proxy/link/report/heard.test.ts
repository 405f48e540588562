import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { LastReport } from '../../../../proxy/link/report/heard.ts'
import { folder } from '../../control/control.ts'
import { now, report, thumbprint, upstream } from './world.ts'

const at = new Date(now)
const theirs = report('backend')

async function open(state: string, said: string[] = []): Promise<LastReport> {
  return LastReport.load(state, at, message => said.push(message))
}

t.test('before anything is heard, nothing is known', async t => {
  const last = await open(await folder(t))
  t.same([last.report, last.at, last.thumbprint], [null, null, null])
  t.same(last.look('api'), { isGood: false, saw: 'the other server has not told of itself yet' })
})

t.test('what was heard outlives a restart, for nobody else to read', async t => {
  const state = await folder(t)
  await (await open(state)).take(theirs, at)
  const last = await open(state)
  t.same([last.report, last.at, last.thumbprint], [theirs, at, thumbprint])
  t.equal((await stat(join(state, 'link/heard.json'))).mode & 0o777, 0o600)
  t.notOk(last.look('api').isGood, 'what it could serve then is not what it can serve now')
})

t.test('only what lasts is worth a write; what counts is what came last', async t => {
  const state = await folder(t)
  const last = await open(state)
  const path = join(state, 'link/heard.json')
  await last.take(theirs, at)
  const written = await readFile(path, 'utf8')
  const later = new Date(now + 5_000)
  const next = report('backend', {
    now: now + 5_000,
    isStopping: true,
    upstreams: [upstream('api', { isUp: false, saw: '503' })],
    certificates: []
  })
  await last.take(next, later)
  t.equal(await readFile(path, 'utf8'), written)
  t.same([last.report, last.at], [next, later])
  const lasting = [
    { server: 'single' },
    { version: '1.0.1' },
    { thumbprint: null },
    { tlsMode: 'files' },
    { domains: ['a.test'] },
    { agreed: {} }
  ]
  for (const change of lasting) {
    const before = await readFile(path, 'utf8')
    await last.take({ ...theirs, ...change }, later)
    t.not(await readFile(path, 'utf8'), before, Object.keys(change).join())
    await last.take(theirs, later)
  }
})

t.test('after a restart the same report is not written again', async t => {
  const state = await folder(t)
  await (await open(state)).take(theirs, at)
  const path = join(state, 'link/heard.json')
  const { ino } = await stat(path)
  await (await open(state)).take(theirs, at)
  t.equal((await stat(path)).ino, ino)
})

t.test('of reports that come at once the last one is kept', async t => {
  const state = await folder(t)
  const last = await open(state)
  await Promise.all(Array.from({ length: 20 }, (_, i) => last.take(report('backend', { version: `1.0.${i}` }), at)))
  t.equal((await open(state)).report?.version, '1.0.19')
})

t.test('a file that is damaged is moved aside and told of', async t => {
  for (const damage of [
    '',
    '{',
    '{}',
    JSON.stringify({ at, report: { ...theirs, server: 1 } }),
    JSON.stringify({ at: 'never', report: theirs })
  ]) {
    const state = await folder(t)
    await mkdir(join(state, 'link'))
    await writeFile(join(state, 'link/heard.json'), damage)
    const said: string[] = []
    const last = await open(state, said)
    t.equal(last.report, null)
    t.match(said, [
      /heard\.json is damaged: nothing is known of the other server until it is heard of; it is now .*\.broken-/
    ])
    t.equal((await readdir(join(state, 'link'))).length, 1)
  }
})

t.test('a disk that takes nothing is told of once, until it takes something', async t => {
  const state = await folder(t)
  const said: string[] = []
  const last = await open(state, said)
  // In its place, nothing can be written; unlike permissions, this holds for root as well.
  await writeFile(join(state, 'link'), '')
  await last.take(theirs, at)
  await last.take(theirs, at)
  t.match(said, [/^what the other server told is not kept over a restart: EDGE_STATE_UNWRITABLE: /])
  t.equal(said.length, 1)
  t.equal(last.thumbprint, thumbprint, 'it counts nonetheless')
  await rm(join(state, 'link'))
  await last.take(theirs, at)
  t.equal((await open(state)).thumbprint, thumbprint)
  await rm(join(state, 'link'), { recursive: true })
  await writeFile(join(state, 'link'), '')
  await last.take({ ...theirs, version: '2.0.0' }, at)
  t.equal(said.length, 2, 'another trouble is told of again')
})

t.test('the peer serves what it has by itself; what it has from here would only come back', async t => {
  const last = await open(await folder(t))
  const upstreams = [
    upstream('api'),
    upstream('down', { isUp: false, saw: '503' }),
    upstream('lent', { isLocal: false, isBorrowed: true }),
    upstream('else', { isBorrowed: true, saw: 'here: 503; on the other server: 200' })
  ]
  await last.take(report('backend', { upstreams }), at)
  t.same(last.look('api'), { isGood: true, saw: '200 ok' })
  t.same(last.look('down'), { isGood: false, saw: '503' })
  t.same(last.look('lent'), { isGood: false, saw: 'the other server has lent from here' })
  t.same(last.look('else'), { isGood: false, saw: 'here: 503; on the other server: 200' })
  t.same(last.look('none'), { isGood: false, saw: 'the other server has no none' })
})
