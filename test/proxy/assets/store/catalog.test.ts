import t from 'tap'
import {
  type Build,
  buildOf,
  indexOf,
  readBuild,
  surplusOf,
  writtenBuild
} from '../../../../proxy/assets/store/catalog.ts'

const day = 86_400_000
const hashes = 'abcdef'

/** @param files path → which content, such as { 'a.js': 'a' } */
function build(at: number, files: Record<string, string>): Build {
  return buildOf(new Map(Object.entries(files).map(([path, of]) => [path, { hash: of.repeat(64), bytes: 10 }])), at)
}

t.test('a record says what was written, and a damaged one says nothing', async t => {
  const one = build(Date.parse('2026-01-02T03:04:05.678Z'), { 'b.js': 'b', 'a.js': 'a' })
  t.same(readBuild(one.id, writtenBuild(one)), one)
  t.equal(build(1, { 'a.js': 'a', 'b.js': 'b' }).id, one.id, 'the same files are the same build')
  t.not(build(1, { 'a.js': 'b', 'b.js': 'a' }).id, one.id)
  for (const text of ['', '{}', '[]', 'null', writtenBuild(one).slice(0, 50), '{"at":"then","files":{}}']) {
    t.equal(readBuild(one.id, text), null, text)
  }
  const outside = writtenBuild(one).replace('a'.repeat(64), '../../../etc/passwd')
  t.equal(readBuild(one.id, outside), null, 'a hash becomes the name of a file')
})

t.test("a path at which builds disagree is nobody's", async t => {
  const { files, contested } = indexOf([
    build(1, { 'same.js': 'a', 'other.js': 'a', 'old.js': 'b' }),
    build(2, { 'same.js': 'a', 'other.js': 'c' }),
    build(3, { 'other.js': 'a' })
  ])
  t.same([...files.keys()], ['old.js', 'same.js'])
  t.same([...contested], ['other.js'])
})

t.test('a build is given up once another took its place too long ago, but never one of the two newest', async t => {
  const limits = { keepMs: 30 * day, bytes: 1e9 }
  const builds = [0, 10, 50, 51].map((at, i) => build(at * day, { 'a.js': hashes[i]! }))
  const [a, b] = builds
  const surplus = (now: number): readonly Build[] => surplusOf(builds, now * day, limits, () => 10)
  t.same(surplus(40), [], 'the first was the newest for ten days: thirty days ago')
  t.same(surplus(41), [a], 'not by the day on which it came, but by that on which it went')
  t.same(surplus(80), [a])
  t.same(surplus(81), [a, b])
  t.same(surplus(9999), [a, b])
})

t.test('the oldest build goes first when there is no room, but never one of the two newest', async t => {
  const builds = [1, 2, 3, 4].map((at, i) => build(at, { 'shared.js': 'f', 'own.js': hashes[i]! }))
  const surplus = (bytes: number): readonly Build[] => surplusOf(builds, 5, { keepMs: day, bytes }, () => 10)
  t.same(surplus(50), [], 'what they share counts once')
  t.same(surplus(49), builds.slice(0, 1))
  t.same(surplus(39), builds.slice(0, 2))
  t.same(surplus(0), builds.slice(0, 2))
})
