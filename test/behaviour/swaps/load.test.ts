import { Agent, request as requestH1 } from 'node:https'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Ask, askH2, openH2 } from '../../doubles/foreign-client.ts'
import { type Pair, promote, slotOf, startPair } from '../../doubles/slot-pair.ts'

interface Load {
  stop(): Promise<void>
  readonly failed: string[]
  /** By the slot that answered. */
  readonly answered: Record<string, number>
}

/** Some three hundred requests a second from clients that keep their connections, over both protocols. */
async function startLoad(t: Test, { edge }: Pair): Promise<Load> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8, ca: edge.ca, servername: 'localhost' })
  t.teardown(() => agent.destroy())
  const sessions = [await openH2(t, edge), await openH2(t, edge)]
  const answered: Record<string, number> = {}
  const failed: string[] = []
  let isStopping = false
  const client = async (
    get: (what: Ask) => Promise<{ status: number; body: string; isComplete: boolean }>
  ): Promise<void> => {
    while (!isStopping) {
      const { status, body, isComplete } = await get({
        method: 'POST',
        path: '/',
        body: 'a body',
        headers: ['content-length', '6']
      })
      if (status !== 200 || !isComplete) failed.push(`${status} ${body}`)
      else answered[body] = (answered[body] ?? 0) + 1
      await pause(20)
    }
  }
  const getH1 = (what: Ask) =>
    new Promise<{ status: number; body: string; isComplete: boolean }>(resolve => {
      const headers = { host: 'localhost', 'content-length': 6 }
      const target = { host: '127.0.0.1', port: edge.httpsPort, agent, method: what.method, path: what.path, headers }
      const request = requestH1(target, response => {
        let body = ''
        response.on('data', chunk => (body += chunk)).on('error', () => {})
        response.on('close', () => resolve({ status: response.statusCode!, body, isComplete: response.complete }))
      })
      request.on('error', error => resolve({ status: 0, body: error.message, isComplete: false }))
      request.end(what.body)
    })
  const clients = [
    ...Array.from({ length: 4 }, () => client(getH1)),
    ...Array.from({ length: 4 }, (_, i) => client(what => askH2(sessions[i % 2]!, what)))
  ]
  return {
    failed,
    answered,
    async stop() {
      isStopping = true
      await Promise.all(clients)
    }
  }
}

t.test('flips, drains, pauses and reloads under load: no request fails', async t => {
  const pair = await startPair(t)
  const { edge } = pair.edge
  const load = await startLoad(t, pair)
  for (let i = 0; i < 8; i++) {
    const [next, old] = i % 2 === 0 ? ['green', 'blue'] : ['blue', 'green']
    await pause(150)
    await promote(pair, next!, 2)
    edge.slots.drain({ upstream: 'web', slot: old!, withinMs: 10_000, graceMs: 0 })
    if (i % 4 === 1) {
      edge.slots.hold({ upstream: 'web', mode: 'paused', longestMs: 5_000, spreadMs: 0 })
      await pause(100)
      edge.slots.hold({ upstream: 'web', mode: 'open', longestMs: 0, spreadMs: 50 })
    }
    if (i % 4 === 3) {
      pair.edge.setYaml(pair.yaml(`, keep-alive: ${2 + i}s`))
      await edge.reload()
    }
  }
  await load.stop()
  t.same(load.failed, [])
  t.ok(load.answered.blue! > 100 && load.answered.green! > 100, JSON.stringify(load.answered))
  t.match(slotOf(pair, 'blue').tally, {
    failed: 0,
    streamsCut: 0,
    requests: load.answered.blue! + load.answered.green!
  })
  t.equal(edge.status().inFlight, 0)
})
