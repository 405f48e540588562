import t, { type Test } from 'tap'
import { protocols } from '../doubles/foreign-client.ts'
import { converse, converseJson } from '../doubles/stack/conversation.ts'
import { engineMissing } from '../doubles/stack/engine.ts'
import { type Site, upSite } from '../doubles/stack/site.ts'
import type { Stack } from '../doubles/stack/stack.ts'
import { answers, redirects, socketEchoes } from './promises/answers.ts'
import { pages } from './promises/pages.ts'
import { nothingElseIsDeclared, onlyEdgeIsPublic } from './promises/ports.ts'
import { streams } from './promises/streams.ts'
import { formArrives, rawArrives, tooMuchIsRefused } from './promises/uploads.ts'
import type { Way } from './promises/way.ts'

t.setTimeout(300_000)

/** Which containers answered for the pages and for the API. */
async function whoAnswers(t: Test, edge: Stack): Promise<{ web: string | undefined; api: string }> {
  const page = await (await converse(t, edge, 'h2', { path: '/' })).text()
  const { hostname } = await converseJson(t, edge, 'h2', { path: '/api/v1/whoami' })
  return { web: /data-testid="web-host">([^<]+)</.exec(page)?.[1], api: hostname }
}

/** Each container's host name is the beginning of its id. */
async function containersOf({ frontend, backend }: Site): Promise<{ web: string; api: string }> {
  const [web, api] = [await frontend.container('web-blue'), await backend.container('api-blue')]
  return { web: web.slice(0, 12), api: api.slice(0, 12) }
}

t.test('both servers, side by side', { skip: engineMissing }, async t => {
  const site = await upSite(t)
  const wayTo = (edge: Stack, protocol: Way['protocol']): Way => {
    return { edge, protocol, webPort: site.frontend.ports.WEB_BLUE_PORT ?? 0 }
  }

  for (const [server, edge] of Object.entries(site) as [string, Stack][]) {
    for (const protocol of protocols) {
      for (const [name, prove] of Object.entries({ ...pages, ...answers, ...streams })) {
        t.test(`${name} (${server}'s edge, ${protocol})`, t => prove(t, wayTo(edge, protocol)))
      }
      t.test(`an upload over the limit is a 413 with our code (${server}'s edge, ${protocol})`, async t => {
        await tooMuchIsRefused(t, wayTo(edge, protocol), true)
      })
    }
    t.test(`a WebSocket echoes (${server}'s edge)`, t => socketEchoes(t, edge))
    t.test(`:80 leads to https (${server}'s edge)`, t => redirects(t, edge))
    t.test(`only the edge can be reached from outside (${server})`, async t => {
      await onlyEdgeIsPublic(t, edge)
      await nothingElseIsDeclared(t, edge)
    })
  }

  t.test('uploads of the size that the manual allows arrive whole', async t => {
    const { frontend, backend } = site
    await formArrives(t, wayTo(frontend, 'h1'), 100)
    await rawArrives(t, wayTo(frontend, 'h2'), 100)
    await rawArrives(t, wayTo(backend, 'h1'), 20)
    await formArrives(t, wayTo(backend, 'h2'), 20)
  })

  t.test('an upload that did not say how long it is ends at the limit', async t => {
    await tooMuchIsRefused(t, wayTo(site.frontend, 'h2'), false)
    await tooMuchIsRefused(t, wayTo(site.backend, 'h1'), false)
  })

  t.test('the same two containers answer through both edges', async t => {
    t.same(await whoAnswers(t, site.frontend), await containersOf(site))
    t.same(await whoAnswers(t, site.backend), await containersOf(site))
  })

  t.test("without the frontend's edge, the backend's serves the whole site", async t => {
    await site.frontend.compose('stop', 'edge')
    await t.rejects(converse(t, site.frontend, 'h1', { path: '/' }), { code: 'ECONNREFUSED' })
    const way = wayTo(site.backend, 'h2')
    t.same(await whoAnswers(t, site.backend), await containersOf(site))
    for (const prove of Object.values({ ...pages, ...streams })) await prove(t, way)
  })
})
