import t from 'tap'
import { deploy } from '../../../../compose/laptop/deploy/deploy.ts'
import type { Line } from '../../../../compose/laptop/ssh/line.ts'
import { EdgeError } from '../../../../proxy/errors.ts'
import { how, Servers, siteOf } from '../../../doubles/deploy-servers.ts'

t.test('nobody builds for minutes to be told then that an engine is stopped', async t => {
  const world = new Servers({ api: 1, web: 1 }).world(siteOf('frontend', 'backend'))
  const down = new EdgeError('COMPOSE_ENGINE_UNREACHABLE', 'backend: Cannot connect to the Docker daemon')
  const stopped = ({ server, ask }: Line): Line['ask'] => {
    return (question, asked) =>
      server.name === 'backend' && question === 'serving' ? Promise.reject(down) : ask(question, asked)
  }
  const lines = world.lines.map(line => ({ ...line, ask: stopped(line) }))
  const built: string[] = []
  const note = async (): Promise<never> => {
    built.push('something')
    throw new Error('it was not to come to this')
  }
  const workshop = { check: note, describe: note, foresee: note, make: note, ship: note }
  await t.rejects(deploy({ ...world, lines, env: {}, workshop }, { parts: ['web'], how }), down)
  t.same(built, [])
})
