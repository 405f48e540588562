import { connect } from 'node:net'
import t, { type Test } from 'tap'
import type { LinkStatus } from '../../proxy/control/protocol.ts'
import { Worker } from '../bench/load/worker.ts'
import { type Outcome, twinedge } from '../doubles/command.ts'
import type { CrowdSize, CrowdVerbs } from '../doubles/crowd/crowd.ts'
import { until } from '../doubles/edge-process.ts'
import { converse, converseJson, type Opening } from '../doubles/stack/conversation.ts'
import { engineMissing } from '../doubles/stack/engine.ts'
import { EventReader } from '../doubles/stack/event-reader.ts'
import { buildRelease } from '../doubles/stack/releases.ts'
import { upLinkedSite } from '../doubles/stack/site.ts'
import type { Stack } from '../doubles/stack/stack.ts'
import { answers, socketEchoes } from './promises/answers.ts'
import { pages } from './promises/pages.ts'
import { nothingElseIsDeclared, onlyEdgeIsPublic } from './promises/ports.ts'
import { streams } from './promises/streams.ts'
import { formArrives, rawArrives } from './promises/uploads.ts'
import type { Way } from './promises/way.ts'

t.setTimeout(300_000)

const size: CrowdSize = {
  ...{ requestsPerSecond: 25, streams: 6, uploads: 1, sockets: 1 },
  ...{ longestStreamMs: 4_000, uploadBytes: 500_000, uploadMs: 1_500 }
}
const about = (path: string, body: object = {}): Opening => {
  const text = JSON.stringify({ session_id: 'one', ...body })
  const headers = { 'content-type': 'application/json', 'content-length': `${text.length}` }
  return { method: 'POST', path: `/api/v1/chat/${path}`, headers, body: text }
}

/** `twinedge …` where an operator of a stack types it. */
function inEdge(stack: Stack, ...args: string[]): Promise<Outcome> {
  return stack.compose('exec', '-T', 'edge', 'twinedge', ...args)
}

/** What a server's operator is told to type on the other one. */
function typedThere({ out }: Outcome): string[] {
  return /^ {2}twinedge (link pair SHA256:\S+)$/m.exec(out)?.[1]?.split(' ') ?? []
}

async function linkOf(stack: Stack): Promise<LinkStatus> {
  return JSON.parse((await inEdge(stack, 'link', '--json')).out)
}

async function whoami(t: Test, edge: Stack): Promise<string> {
  return (await converseJson(t, edge, 'h1', { path: '/api/v1/whoami' })).hostname
}

/** Users, all of whom have begun what they do. */
async function assemble(t: Test, { httpsPort, ca }: Stack): Promise<Worker<CrowdVerbs>> {
  const crowd = new Worker<CrowdVerbs>('../../doubles/crowd/crowd')
  t.teardown(() => crowd.stop())
  await crowd.ask('start', { site: { httpsPort, ca }, size })
  await until(async () => {
    const { requests, events, sockets } = await crowd.ask('peek', undefined)
    return requests > 20 && events.got > 20 && sockets.echoes > 2
  }, 'all of them are at work')
  return crowd
}

t.test('two servers, with a link between them', { skip: engineMissing }, async t => {
  const site = await upLinkedSite(t)
  const { frontend, backend, linkPorts } = site

  await t.test('until they know each other, each says so, and what to do', async t => {
    for (const edge of [frontend, backend]) {
      t.match(await inEdge(edge, 'link'), {
        code: 1,
        out: /^the link to 127\.0\.0\.1:\d+ is DOWN: .* do not know each/
      })
      t.match((await inEdge(edge, 'status')).out, /^the link to 127\.0\.0\.1:\d+ is unpaired.*: twinedge link$/m)
      t.match(await inEdge(edge, 'standby'), { code: 1, out: /^NO-GO /, err: /^LINK_NO_GO: / })
    }
    const refused = await converse(t, frontend, 'h1', { path: '/api/v1/health' })
    t.match([refused.status, JSON.parse(await refused.text())], [503, { error: { code: 'LINK_DOWN' } }])
  })

  await t.test('what one server prints is typed on the other, and the link is up', async t => {
    const there = await inEdge(frontend, ...typedThere(await inEdge(backend, 'link', 'pair')), '--wait', '1s')
    t.match(there, { code: 0, out: /^taken; .*\nit is not up after 1 s\n {2}LINK_UNPAIRED / })
    const here = await inEdge(backend, ...typedThere(there))
    t.match(here, { code: 0, out: /^taken; .*\nthe link to 127\.0\.0\.1:\d+ is up\n$/ })
  })

  await t.test('everything passes through either edge', async t => {
    const webPort = frontend.ports.WEB_BLUE_PORT ?? 0
    const ways: Way[] = [
      { edge: frontend, protocol: 'h2', webPort },
      { edge: backend, protocol: 'h1', webPort }
    ]
    for (const way of ways) {
      for (const [name, prove] of Object.entries({ ...pages, ...answers, ...streams })) {
        await t.test(`${name} (${way.protocol})`, t => prove(t, way))
      }
      await socketEchoes(t, way.edge)
      await formArrives(t, way, 20)
    }
    await rawArrives(t, ways[0]!, 20)
  })

  await t.test("nothing can be reached from outside but the edges, and their link's port by nobody else", async t => {
    for (const [edge, port] of [
      [frontend, linkPorts.frontend],
      [backend, linkPorts.backend]
    ] as const) {
      await onlyEdgeIsPublic(t, edge, port)
      await nothingElseIsDeclared(t, edge)
    }
  })

  await t.test('either could take over while the other one runs, and what it lacks alone is said', async t => {
    for (const [edge, other, lacks] of [
      [frontend, 'backend', 'web'],
      [backend, 'frontend', 'api']
    ] as const) {
      const go = new RegExp(`^GO {2}${other}, the other server: .* while this one runs; without it: no ${lacks}\n`)
      // They tell each other how they are every few seconds.
      await until(async () => (await inEdge(edge, 'standby')).code === 0, 'GO').catch(() => {})
      t.match(await inEdge(edge, 'standby'), { code: 0, out: go })
      t.match(await inEdge(edge, 'link'), {
        code: 0,
        out: new RegExp(`is up; (.|\n)*the other server: .*\\(${other}\\)`)
      })
      t.match((await inEdge(edge, 'status')).out, /^the link to \S+ is up, \d+ ms away, \d+ lines in use$/m)
    }
  })

  await t.test('each server is swapped under the users of the other, and they notice nothing', async t => {
    const [api, web] = [await buildRelease(t, 'api', 'two'), await buildRelease(t, 'web', 'two')]
    const crowds = await Promise.all([assemble(t, frontend), assemble(t, backend)])
    const before = await whoami(t, frontend)
    const chat = await converse(t, frontend, 'h2', about('stream?n=600&ms=100'))
    const reader = new EventReader(chat.body)
    const stream_id = (await reader.take(1))[0]?.stream_id ?? ''

    const swapped = twinedge(['swap', 'api', api, '--project', backend.project])
    const late = Date.now() + 60_000
    while ((await whoami(t, frontend)) === before) if (Date.now() > late) throw new Error((await swapped).err)
    const approve = (edge: Stack, id: string) => converseJson(t, edge, 'h1', about('approve', { stream_id: id }))
    for (const edge of [frontend, backend]) {
      t.same(await approve(edge, stream_id), { approved: true }, 'by the slot that runs it, which is drained')
      t.same(await approve(edge, 'another'), { approved: false })
    }
    t.same(await converseJson(t, frontend, 'h2', about('abort', { stream_id })), { aborted: true })
    const rest = await reader.take(600)
    t.match(rest.at(-1), { type: 'aborted', seq: rest.length + 1 }, 'each event of it came')

    const { code, out, err } = await swapped
    t.match([code, out], [0, /, 0 failed; .*; cut: 0; /], err)
    const webSwapped = await twinedge(['swap', 'web', web, '--project', frontend.project])
    t.match([webSwapped.code, webSwapped.out], [0, /, 0 failed; .*; cut: 0; /], webSwapped.err)
    for (const crowd of crowds) {
      const seen = await crowd.ask('stop', undefined)
      t.same(seen.failures, {}, 'nothing failed')
      t.match(seen, {
        failed: 0,
        lostChunks: 0,
        sessionsEnded: 0,
        streams: { cut: 0 },
        events: { lost: 0, repeated: 0 }
      })
      t.match(seen, { uploads: { failed: 0 }, sockets: { failed: 0, moved: 1 } })
      t.ok(seen.requests > 100 && seen.streams.ended > 5 && seen.uploads.done > 1, JSON.stringify(seen))
    }
  })

  await t.test("a server's edge is replaced: its key is the same, and the link comes back by itself", async t => {
    const { keys } = await linkOf(backend)
    const edge = await backend.container('edge')
    const up = await backend.compose('up', '-d', '--no-deps', '--force-recreate', '--wait', 'edge')
    t.equal(up.code, 0, up.err)
    t.not(await backend.container('edge'), edge)
    const status = async () => (await converse(t, frontend, 'h2', { path: '/api/v1/health' })).status
    await until(async () => (await status()) === 200, 'the API answers through the frontend')
    const page = await converse(t, backend, 'h2', { path: '/' })
    t.equal(page.status, 200)
    const now = await linkOf(backend)
    t.match(now, {
      state: 'up',
      fault: null,
      keys: { own: keys.own, peer: [{ fingerprint: keys.peer[0]!.fingerprint }] }
    })
  })

  await t.test('who is not the other server is not let in, and its operator hears of it', async t => {
    const socket = connect({ port: linkPorts.backend, host: '127.0.0.1', localAddress: '127.0.0.9' })
    t.same(await socket.toArray().catch(() => []), [], 'closed, without a word')
    const stranger = /"code":"LINK_STRANGER","detail":"127\.0\.0\.9 is not an address of the peer"/
    await until(async () => stranger.test((await backend.compose('logs', 'edge')).out), 'the log has it')
  })
})
