import t from 'tap'
import { nameOf } from '../../../../compose/laptop/bootstrap/actions.ts'
import type { Work } from '../../../../compose/laptop/bootstrap/step.ts'
import type { Ssh } from '../../../../compose/laptop/ssh/ssh.ts'
import { bringEdgeImage } from '../../../../compose/laptop/steps/edge-image.ts'
import { workOn } from '../../../fixtures/bootstrap-work.ts'
import { factsOf } from '../../../fixtures/server-answers.ts'

const server = { name: 'frontend', folder: '/opt/twinedge', envFile: '/frontend.env' }
const containers = 'twinedge-edge-1\timage\trunning\tUp 3 hours (healthy)\ttwinedge\tedge'

/** @param label of the image that is there; null: there is none */
async function planned(label: string | null, changed: Partial<Work> = {}): Promise<string[]> {
  const there = { code: 0, stdout: `${label}\n`, stderr: '' }
  const none = { code: 1, stdout: '', stderr: 'Error: No such image: it' }
  const ssh = { server, isRoot: true, run: async () => (label === null ? none : there) } as unknown as Ssh
  const facts = factsOf({ engine: '28.2.2', compose: '2.39.1', containers })
  const work = workOn(ssh, { facts, ...changed })
  return (await bringEdgeImage.plan(work)).actions.map(nameOf)
}

t.test('the image that serves is kept before another one gets its name', async t => {
  t.same(await planned('a1b2c3d4e5f60718'), [])
  const bring = /^build localhost\/twinedge\/proxy:local here and send it$/
  t.match(await planned('of another day'), [/^keep .* the image of the edge that serves/, bring])
  t.match(
    await planned(null, { facts: factsOf({ engine: '28.2.2' }) }),
    [bring],
    'where nothing serves, nothing is kept'
  )
})

t.test('an image of the operator’s own is pulled where it is not there, and never built', async t => {
  const env = 'EDGE_IMAGE=registry.test/edge:7\n'
  t.same(await planned(null, { env }), ['$ docker pull registry.test/edge:7'])
  t.same(await planned('', { env }), [])
})
