import { dirname } from 'node:path'
import { PassThrough } from 'node:stream'
import t, { type Test } from 'tap'
import { Agent, type Dispatcher, request } from 'undici'
import { EdgeError } from '../../../proxy/errors.ts'
import { buildTar, sendBuild } from '../../fixtures/build.ts'
import { ask, control } from './control.ts'

function send(t: Test, socket: string, headers: Record<string, string>, body: Dispatcher.DispatchOptions['body']) {
  const dispatcher = new Agent({ connect: { socketPath: socket } })
  t.teardown(() => dispatcher.destroy())
  return request('http://edge/assets', { dispatcher, method: 'POST', headers, body: body ?? null })
}

t.test('a build reaches the edge byte for byte, however large, and what it brought is answered', async t => {
  const { socket, actions } = await control(t)
  const tar = buildTar({ 'a.js': Buffer.alloc(5_000_000, 'x') })
  const { status, answer } = await sendBuild(dirname(socket), tar)
  t.match({ status, answer }, { status: 200, answer: { files: 3, newFiles: 2, contested: [] } })
  t.ok(actions.assets.taken.equals(tar))
  const { text } = await ask(socket, 'GET', '/assets')
  t.same(JSON.parse(text), actions.assets.status)
})

t.test('it is taken as it comes: the edge has the first byte before the last is sent', async t => {
  const { socket, actions } = await control(t)
  const first = Promise.withResolvers<string>()
  const answer = { id: '', files: 0, bytes: 0, newFiles: 0, newBytes: 0, contested: [] }
  actions.assets.take = async tar => {
    for await (const chunk of tar) first.resolve(`${chunk}`)
    return answer
  }
  const body = new PassThrough()
  const sending = send(t, socket, { 'content-type': 'application/x-tar' }, body)
  body.write('the first')
  t.equal(await first.promise, 'the first')
  body.end()
  t.equal((await sending).statusCode, 200)
})

t.test('a refusal says why, and what to do', async t => {
  const { socket, actions } = await control(t)
  actions.assets.fail = new EdgeError('EDGE_ASSETS_REFUSED', 'there is no file in it')
  t.match(await sendBuild(dirname(socket), buildTar({})), {
    status: 409,
    answer: { code: 'EDGE_ASSETS_REFUSED', detail: 'there is no file in it', next: /assets\.size/ }
  })
})

t.test('what is not sent as a tar is refused before it is read', async t => {
  const { socket, actions } = await control(t)
  for (const type of ['application/json', 'application/gzip', 'text/plain']) {
    const { statusCode, body } = await send(t, socket, { 'content-type': type }, '{}')
    t.match([statusCode, await body.json()], [type === 'application/gzip' ? 415 : 400, { code: 'EDGE_USAGE' }], type)
  }
  t.equal((await ask(socket, 'POST', '/assets')).status, 400)
  t.equal((await ask(socket, 'POST', '/slots/tally', '{"upstream":"web"}')).status, 200, 'JSON is read as before')
  t.equal(actions.assets.taken.length, 0)
})
