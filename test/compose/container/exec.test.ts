import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { dockerEngine } from '../../../compose/engine.ts'

/** An engine on which a command has said something, and its output stays open. */
async function engineWith(t: Test, state: object): Promise<Awaited<ReturnType<typeof dockerEngine>>> {
  const server = createServer((request, answer) => {
    const { url = '' } = request
    request.resume()
    if (url.endsWith('/json')) return answer.end(JSON.stringify(state))
    if (!url.endsWith('/start')) return answer.end('{"Id":"1"}')
    answer.write(Buffer.from([1, 0, 0, 0, 0, 0, 0, 5, ...Buffer.from('begun')]))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const before = process.env.DOCKER_HOST
  process.env.DOCKER_HOST = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`
  const engine = await dockerEngine(20_000)
  if (before === undefined) delete process.env.DOCKER_HOST
  else process.env.DOCKER_HOST = before
  return engine
}

t.test('a command that does not end is waited for no longer than was said', async t => {
  const engine = await engineWith(t, { Running: true, ExitCode: null })
  t.same(await engine.exec('c', 'sleep 3600', 300), { code: null, said: 'begun' })
})

t.test('one that has left something in the background has ended', async t => {
  const engine = await engineWith(t, { Running: false, ExitCode: 0 })
  t.same(await engine.exec('c', 'bot &', 300), { code: 0, said: 'begun' })
})
