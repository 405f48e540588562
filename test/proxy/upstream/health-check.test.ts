import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { HealthConfig } from '../../../proxy/config/config.ts'
import { HealthCheck, type Probe, probe } from '../../../proxy/upstream/health-check.ts'
import { startRawUpstream } from '../../doubles/raw-upstream.ts'

const config: HealthConfig = { path: '/h?a=1', status: 200, body: null, everyMs: 20, timeoutMs: 400, fails: 2 }

function answer(body: string, status = '200 OK'): string {
  return `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

/** What a probe sees of an upstream that does this once it is asked. */
async function seen(t: Test, act: (socket: Socket) => void, more: Partial<HealthConfig> = {}): Promise<Probe> {
  const upstream = await startRawUpstream(t, act)
  return probe(upstream.origin, { ...config, ...more })
}

t.test('a probe asks for its path, by GET, on a connection of its own', async t => {
  const upstream = await startRawUpstream(t, socket => socket.write(answer('ok')))
  t.match(await probe(upstream.origin, config), { isGood: true, saw: '200 ok' })
  t.match(upstream.received(), /^GET \/h\?a=1 HTTP\/1\.1\r\n[\s\S]*connection: close/i)
})

t.test('status and body must both be as expected, and what was seen is told', async t => {
  const draining = answer('{"status":"draining"}')
  t.match(await seen(t, s => s.write(draining), { body: '"status":"ok"' }), {
    isGood: false,
    saw: '200 {"status":"draining"}: the body lacks "status":"ok"'
  })
  const split = (s: Socket): void => {
    s.write('HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"status":')
    setTimeout(() => s.write('"ok"}'), 50)
  }
  t.match(await seen(t, split, { body: '"status":"ok"' }), { isGood: true }, 'the whole body is read')
  t.match(await seen(t, s => s.write(answer('no', '503 X'))), { isGood: false, saw: '503 no: expected 200' })
  t.match(await seen(t, s => s.write(answer('', '204 X')), { status: 204 }), { isGood: true })
  t.match(await seen(t, s => s.write(answer('x', '302 X\r\nLocation: /login'))), { isGood: false, saw: /^302/ })
})

const bad: Record<string, [act: (socket: Socket) => void, saw: RegExp]> = {
  'closes at once': [s => void s.end(), /hang up/],
  resets: [s => void s.resetAndDestroy(), /ECONNRESET/],
  'says nothing': [() => {}, /no answer within 400 ms/],
  'stops in its body': [s => void s.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok'), /no answer within 400 ms/],
  'cuts its body': [s => void s.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok'), /^200, then/],
  'drips for ever': [s => drip(s), /no answer within 400 ms/],
  'is no HTTP server': [s => void s.write('SSH-2.0-x\r\n'), /Parse Error/],
  'upgrades unasked': [s => void s.write('HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'), /^101/]
}
for (const [what, [act, saw]] of Object.entries(bad)) {
  t.test(`an upstream that ${what} is not healthy`, async t => {
    t.match(await seen(t, act), { isGood: false, saw })
  })
}

t.test('an upstream at which nobody listens is not healthy', async t => {
  t.match(await probe('http://127.0.0.1:811', config), { isGood: false, saw: /ECONNREFUSED/ })
})

t.test('an endless body is judged by its beginning', async t => {
  const endless = (s: Socket): void => {
    s.write('HTTP/1.1 200 OK\r\n\r\n')
    const pour = (): void => void (s.destroyed || s.write('x'.repeat(16_384), () => setImmediate(pour)))
    pour()
  }
  t.match(await seen(t, endless, { timeoutMs: 5_000 }), { isGood: true })
})

t.test('it is down after as many failures in a row, up after one good probe, and says so once each', async t => {
  const script = 'good bad good bad bad bad good good bad bad'.split(' ')
  const told: boolean[] = []
  const done = Promise.withResolvers<void>()
  const states: boolean[] = []
  const upstream = await startRawUpstream(t, socket => {
    states.push(check.isUp)
    const next = script.shift()
    if (next === undefined) done.resolve()
    socket.end(answer('x', next === 'bad' ? '500 X' : '200 OK'))
  })
  const check = new HealthCheck(upstream.origin, config, { onChange: isUp => told.push(isUp), answers: () => 0 })
  t.equal(check.isUp, true, 'before the first probe it is given the benefit of the doubt')
  t.equal(check.last, null)
  check.start()
  await done.promise
  check.stop()
  t.strictSame(told, [false, true, false])
  t.strictSame(states, [true, true, true, true, true, false, false, true, true, true, false])
})

t.test(
  'stopped and started while a probe is under way, it probes once at a time, and a stopped one is silent',
  async t => {
    const waiting: Socket[] = []
    let onAsked = (): void => {}
    const upstream = await startRawUpstream(t, socket => {
      waiting.push(socket)
      onAsked()
    })
    const asked = (count: number): Promise<void> =>
      new Promise(resolve => {
        onAsked = () => void (waiting.length === count && resolve())
        onAsked()
      })
    const check = new HealthCheck(
      upstream.origin,
      { ...config, everyMs: 30, timeoutMs: 60_000 },
      { onChange: () => t.fail('no change'), answers: () => 0 }
    )
    check.start()
    await asked(1)
    check.stop()
    check.start()
    await asked(2)
    waiting[0]!.end(answer('the old one'))
    waiting[1]!.end(answer('the new one'))
    await asked(3)
    await new Promise(resolve => setTimeout(resolve, 120))
    t.equal(waiting.length, 3, 'one series, which now waits for its third answer')
    t.match(check.last, { saw: '200 the new one' })
    check.stop()
    waiting[2]!.end(answer('too late', '500 X'))
    await new Promise(resolve => waiting[2]!.once('close', resolve))
    t.match(check.last, { saw: '200 the new one' })
  }
)

function drip(socket: Socket): void {
  socket.write('HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n')
  const dripping = setInterval(() => socket.write('x'), 50)
  socket.once('close', () => clearInterval(dripping))
}
