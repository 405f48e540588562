import type { Socket } from 'node:net'
import t from 'tap'
import { startEdge, yamlFor } from '../../doubles/edge.ts'
import { ask, protocols } from '../../doubles/foreign-client.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

const HEAD =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: keep-alive\r\n' +
  'X-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n\r\n'
const END = '0\r\n\r\n'

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`
}

/** Hands over the upstream's side of the stream that was asked for. */
async function startStreamUpstream(t: Parameters<typeof startRawUpstream>[0]) {
  const asked: ((socket: Socket) => void)[] = []
  const upstream = await startRawUpstream(t, (socket, text) => {
    if (/^(?:GET|POST) /.test(text)) asked.shift()?.(socket)
  })
  return { upstream, nextStream: () => new Promise<Socket>(resolve => asked.push(resolve)) }
}

for (const protocol of protocols) {
  for (const method of ['GET', 'POST']) {
    t.test(`the head comes before the first event, and each event at once (${method}, ${protocol})`, async t => {
      const { upstream, nextStream } = await startStreamUpstream(t)
      const edge = await startEdge(t, yamlFor({ api: upstream.origin }))
      const opened = nextStream()
      const heard: string[] = []
      let onNext = (): void => {}
      const next = (): Promise<void> => new Promise(resolve => (onNext = resolve))
      const headCame = next()
      const body = method === 'POST' ? '{"message":"hi"}' : undefined
      const answer = ask(t, edge, protocol, {
        method,
        body,
        headers: ['accept', 'text/event-stream', 'accept-encoding', 'gzip, br'],
        onHead: () => onNext(),
        onData: text => {
          heard.push(text)
          onNext()
        }
      })
      const stream = await opened
      stream.write(HEAD)
      await headCame
      t.strictSame(heard, [], 'the head is here; there was no event yet')
      const events = [
        'data: 1\n\n',
        'data: {"token":"\xe6\x8a\xa5"}\n\n',
        ': keep\n\n',
        `data: ${'x'.repeat(9_000)}\n\n`
      ]
      for (const event of events) {
        const came = next()
        stream.write(chunk(event), 'latin1')
        await came
        t.equal(heard.at(-1), event, 'one write there is one read here')
      }
      t.equal(heard.length, events.length)
      stream.write(END)
      t.match(await answer, { status: 200, isComplete: true, body: events.join('') })
    })
  }

  t.test(`only a stream is asked for uncompressed (${protocol})`, async t => {
    const upstream = await startRawUpstream(t, socket => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))
    const routes = `routes:
  - { path: /, upstream: api }
  - { path: /stream/, upstream: api, stream: true }`
    const edge = await startEdge(t, yamlFor({ api: upstream.origin }).replace(/routes:[\s\S]*/, `${routes}\n`))
    const codings = async (path: string, accept: string): Promise<string> => {
      await ask(t, edge, protocol, { path, headers: ['accept-encoding', 'gzip, br', 'accept', accept] })
      return /accept-encoding: .*/.exec(upstream.received().split(`GET ${path} `)[1]!)![0].trim()
    }
    t.equal(await codings('/stream/a', '*/*'), 'accept-encoding: identity', 'by its route')
    t.equal(await codings('/events', 'text/event-stream'), 'accept-encoding: identity', 'by what the client accepts')
    t.equal(await codings('/events2', 'text/html, Text/Event-Stream;q=0.5'), 'accept-encoding: identity')
    t.equal(await codings('/page', 'text/html'), 'accept-encoding: gzip, br')
  })

  t.test(`a stream survives its silence where its route says so, and nowhere else (${protocol})`, async t => {
    const { upstream, nextStream } = await startStreamUpstream(t)
    const routes = `routes:
  - { path: /, upstream: api, idle: 700ms }
  - { path: /stream/, upstream: api, stream: true, idle: 600s }`
    const edge = await startEdge(t, yamlFor({ api: upstream.origin }).replace(/routes:[\s\S]*/, `${routes}\n`))
    const opened = nextStream()
    const patient = ask(t, edge, protocol, { path: '/stream/a' })
    const stream = await opened
    stream.write(HEAD)
    const openedToo = nextStream()
    const impatient = ask(t, edge, protocol, { path: '/other' })
    ;(await openedToo).write(HEAD)
    t.match(await impatient, { status: 200, isComplete: false }, 'cut by its own idle time')
    t.match(await edge.line(line => line.path === '/other'), { code: 'EDGE_UPSTREAM_STALLED', ended: 'upstream' })
    stream.write(chunk('data: still here\n\n') + END)
    t.match(await patient, { status: 200, isComplete: true, body: 'data: still here\n\n' })
  })

  t.test(`an upstream that dies in mid-stream is an abort, not an end (${protocol})`, async t => {
    const { upstream, nextStream } = await startStreamUpstream(t)
    const edge = await startEdge(t, yamlFor({ api: upstream.origin }))
    for (const die of [(s: Socket) => s.end(), (s: Socket) => s.resetAndDestroy()]) {
      const opened = nextStream()
      let stream: Socket
      const answer = ask(t, edge, protocol, { onData: () => void die(stream) })
      stream = await opened
      stream.write(HEAD + chunk('data: 1\n\n'))
      t.match(await answer, { status: 200, isComplete: false, body: 'data: 1\n\n' })
    }
  })
}
