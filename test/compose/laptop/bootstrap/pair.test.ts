import t from 'tap'
import { pairUp } from '../../../../compose/laptop/bootstrap/pair.ts'
import type { ServerPlan } from '../../../../compose/laptop/plan/site.ts'
import type { Ssh } from '../../../../compose/laptop/ssh/ssh.ts'
import { type Told, workOn } from '../../../fixtures/bootstrap-work.ts'

interface Edge {
  /** null: it does not run. */
  readonly key: string | null
  readonly taken: string[]
  readonly link?: object
}

/** Stands for a server whose edge answers to its commands. */
function server(name: 'frontend' | 'backend', edge: Edge): Told {
  const run: Ssh['run'] = async command => {
    const words = command.slice(command.indexOf('link'))
    if (edge.key === null) return { code: 1, stdout: '', stderr: 'no container' }
    if (words[1] === '--json') return { code: 0, stdout: JSON.stringify(edge.link), stderr: '' }
    if (words.length === 4) edge.taken.push(words[2]!)
    const keys = { own: { fingerprint: edge.key }, peer: edge.taken.map(fingerprint => ({ fingerprint })) }
    return { code: 0, stdout: JSON.stringify(keys), stderr: '' }
  }
  return workOn({ server: { name, folder: '/opt/twinedge' } as ServerPlan, run } as Ssh)
}

const up = { state: 'up', roundTripMs: 201.4, fault: null }
const said: string[] = []
const say = (line: string): void => void said.push(line)

t.test('each takes the key of the other one, once', async t => {
  const [one, other] = [
    { key: 'SHA256:one', taken: [], link: up },
    { key: 'SHA256:other', taken: [] }
  ] as [Edge, Edge]
  const works = [server('frontend', one), server('backend', other)]
  t.same(await pairUp(works, { dryRun: true }, say), { count: 2, isUp: false })
  t.same([one.taken, other.taken], [[], []])
  t.same(await pairUp(works, { dryRun: false }, say), { count: 2, isUp: true })
  t.same([one.taken, other.taken], [['SHA256:other'], ['SHA256:one']])
  t.same(await pairUp(works, { dryRun: false }, say), { count: 0, isUp: true })
  t.match(said.at(-1), /it is up \(201 ms\)/)
})

t.test('a link that does not come up is told with its fault', async t => {
  const link = { state: 'down', fault: { code: 'LINK_UNREACHABLE', detail: '203.0.113.7:7443: no answer' } }
  const works = [server('frontend', { key: 'a', taken: ['b'], link }), server('backend', { key: 'b', taken: ['a'] })]
  await t.rejects(pairUp(works, { dryRun: false }, say, 0), {
    code: 'SERVER_LINK_DOWN',
    detail: /LINK_UNREACHABLE: 203/
  })
})

t.test('where one has no edge yet, it waits', async t => {
  const works = [server('frontend', { key: 'a', taken: [] }), server('backend', { key: null, taken: [] })]
  t.same(await pairUp(works, { dryRun: false }, say), { count: 0, isUp: false })
  t.match(said.at(-1), /it waits for an edge/)
  t.same(await pairUp(works.slice(0, 1), { dryRun: false }, say), { count: 0, isUp: false })
})
