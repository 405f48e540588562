import t from 'tap'
import { Deadlines, type Timed } from '../../../../proxy/deadlines.ts'
import { Drain } from '../../../../proxy/upstream/slots/drain.ts'
import { OwnedStreams } from '../../../../proxy/upstream/slots/owned-streams.ts'
import type { InFlight } from '../../../../proxy/upstream/slots/slot.ts'

/** A slot with a stream and a WebSocket, on a clock of the test's; `cut` names what was ended. */
function start() {
  let now = 1_000
  const watched = new Set<Timed>()
  const deadlines = new Deadlines(() => now)
  deadlines.watch = timed => void watched.add(timed)
  deadlines.unwatch = timed => void watched.delete(timed)
  const inFlight = new Set<InFlight>()
  const cut: string[] = []
  const add = (kind: InFlight['kind']): InFlight => {
    const request: InFlight = {
      kind,
      cut() {
        cut.push(kind)
        inFlight.delete(request)
      },
      dismiss() {}
    }
    inFlight.add(request)
    return request
  }
  const [stream, webSocket] = [add('stream'), add('webSocket')]
  const carried = { requests: 0, streams: 1, webSockets: 1 }
  const drain = new Drain({ inFlight, owned: new OwnedStreams(deadlines) }, carried, deadlines)
  const pass = (ms: number): void => {
    now += ms
    for (const timed of watched) timed.onDue(now)
  }
  return { drain, inFlight, stream, webSocket, cut, pass, watched }
}

t.test('a slot that serves again keeps all but the WebSockets that were told to go, past the deadline too', async t => {
  const { drain, cut, pass, watched } = start()
  drain.begin({ withinMs: 1_000, graceMs: 3_000 })
  drain.end()
  pass(1_500)
  t.same([cut, watched.size], [[], 1])
  pass(1_500)
  t.same([cut, watched.size], [['webSocket'], 0])
})

t.test(
  'nobody looks at a drain any more once it is done, or its slot serves again and all that were told have gone',
  async t => {
    const done = start()
    done.drain.begin({ withinMs: 60_000, graceMs: 60_000 })
    done.inFlight.clear()
    done.pass(250)
    t.match([done.drain.status, done.watched.size], [{ isDone: true, cut: 0 }, 0])
    const ended = start()
    ended.drain.begin({ withinMs: 60_000, graceMs: 60_000 })
    ended.drain.end()
    ended.inFlight.delete(ended.webSocket)
    ended.pass(250)
    t.same([ended.inFlight.size, ended.watched.size], [1, 0])
  }
)
