import t from 'tap'
import { protocols } from '../doubles/foreign-client.ts'
import { converse } from '../doubles/stack/conversation.ts'
import { engineMissing } from '../doubles/stack/engine.ts'
import { upStack } from '../doubles/stack/stack.ts'
import { answers, redirects, socketEchoes } from './promises/answers.ts'
import { pages } from './promises/pages.ts'
import { nothingElseIsDeclared, onlyEdgeIsPublic } from './promises/ports.ts'
import { streams } from './promises/streams.ts'
import { formArrives } from './promises/uploads.ts'

t.setTimeout(180_000)

t.test('one server, by both compose files', { skip: engineMissing }, async t => {
  const edge = await upStack(t, 'single')
  const services = async (...args: string[]): Promise<string[]> =>
    (await edge.compose(...args, '--services')).out.trim().split('\n').sort()

  t.test('what runs is one edge and one container of each app', async t => {
    t.same(await services('ps', '--all', '--status', 'running'), ['api-blue', 'edge', 'web-blue'])
    const { out } = await edge.compose('ps', '--all', '--quiet')
    t.equal(out.trim().split('\n').length, 4, 'and the check of .env, which is over')
    t.equal((await edge.inspect('preflight')).State.ExitCode, 0)
  })

  t.test('there is one of each service to be had, and no stand-in for the API', async t => {
    t.same(await services('config'), ['api-blue', 'edge', 'preflight', 'web-blue'])
    const all = ['api-blue', 'api-green', 'db', 'edge', 'preflight', 'web-blue', 'web-green']
    t.same(await services('--profile', '*', 'config'), all)
  })

  t.test('only the edge can be reached from outside', async t => {
    await onlyEdgeIsPublic(t, edge)
    await nothingElseIsDeclared(t, edge)
  })

  for (const protocol of protocols) {
    const way = { edge, protocol, webPort: edge.ports.WEB_BLUE_PORT ?? 0 }
    for (const [name, prove] of Object.entries({ ...pages, ...answers, ...streams })) {
      t.test(`${name} (${protocol})`, t => prove(t, way))
    }
    t.test(`an upload arrives whole (${protocol})`, t => formArrives(t, way, 5))
  }
  t.test('a WebSocket echoes', t => socketEchoes(t, edge))
  t.test(':80 leads to https', t => redirects(t, edge))

  t.test('the containers here are the ones that answer', async t => {
    const page = await (await converse(t, edge, 'h2', { path: '/' })).text()
    t.match(page, `data-testid="web-host">${(await edge.container('web-blue')).slice(0, 12)}<`)
    const who = await (await converse(t, edge, 'h2', { path: '/api/v1/whoami' })).text()
    t.match(JSON.parse(who), { hostname: (await edge.container('api-blue')).slice(0, 12) })
  })
})
