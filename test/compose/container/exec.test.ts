import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { dockerEngine, type Engine } from '../../../compose/engine.ts'

/** An engine that starts a command, and then does this with it. */
async function engine(t: Test, exitCode: number | null, run: (answer: ServerResponse) => void) {
  const folder = await mkdtemp(join(tmpdir(), 'te-engine-'))
  const server = createServer((request, answer) => {
    request.resume()
    if (request.url!.endsWith('/start')) run(answer.writeHead(200))
    else
      answer
        .writeHead(request.method === 'GET' ? 200 : 201)
        .end(JSON.stringify({ Id: 'e', ExitCode: exitCode, Running: false }))
  })
  await new Promise<void>(resolve => server.listen(join(folder, 'docker.sock'), resolve))
  const before = process.env.DOCKER_HOST
  process.env.DOCKER_HOST = `unix://${join(folder, 'docker.sock')}`
  const made: Engine = await dockerEngine(300)
  if (before === undefined) delete process.env.DOCKER_HOST
  else process.env.DOCKER_HOST = before
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await rm(folder, { recursive: true, force: true })
  })
  return made
}

function frame(text: string): Buffer {
  const head = Buffer.alloc(8)
  head[0] = 1
  head.writeUInt32BE(text.length, 4)
  return Buffer.concat([head, Buffer.from(text)])
}

t.test('a command is told with its exit code and its words', async t => {
  const { exec } = await engine(t, 3, answer => answer.end(frame('no\n')))
  t.same(await exec('c', 'go'), { code: 3, said: 'no' })
})

t.test('one that hangs in silence is no engine that is away: nobody waits for it for ever', async t => {
  const { exec } = await engine(t, 0, answer => answer.flushHeaders())
  await t.rejects(exec('c', 'go'), {
    code: 'COMPOSE_REFUSED',
    detail: 'it has not ended, and said nothing for 0.3 s'
  })
})

t.test('an engine that goes away in the middle of one is told as that', async t => {
  const { exec } = await engine(t, 0, answer => {
    answer.write(frame('begun\n'))
    setImmediate(() => answer.destroy())
  })
  await t.rejects(exec('c', 'go'), { code: 'COMPOSE_ENGINE_UNREACHABLE' })
})
