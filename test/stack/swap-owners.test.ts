import t, { type Test } from 'tap'
import { twinedge } from '../doubles/command.ts'
import { type Conversation, converse, converseJson, type Opening } from '../doubles/stack/conversation.ts'
import { docker, engineMissing } from '../doubles/stack/engine.ts'
import { EventReader } from '../doubles/stack/event-reader.ts'
import { type Stack, upStack } from '../doubles/stack/stack.ts'

t.setTimeout(240_000)

const json = (path: string, body: object): Opening => {
  const text = JSON.stringify(body)
  const headers = { 'content-type': 'application/json', 'content-length': `${text.length}` }
  return { method: 'POST', path: `/api/v1/${path}`, headers, body: text }
}
const session_id = 'one'

/** A chat that goes on for a minute. @returns its name, and what is still to come of it */
async function begin(t: Test, stack: Stack): Promise<{ stream_id: string; reader: EventReader }> {
  const answer = await converse(t, stack, 'h2', json('chat/stream?n=600&ms=100', { session_id }))
  const reader = new EventReader(answer.body)
  const [first] = await reader.take(1)
  t.match(first, { type: 'token', seq: 1 })
  return { stream_id: first!.stream_id!, reader }
}

/** The first events of an answer, which is left then. */
async function firstOf(answer: Conversation, count: number) {
  const events = await new EventReader(answer.body).take(count)
  answer.leave()
  return events
}

t.test(
  'while the real stack swaps its API, a chat stays with the container that runs it',
  { skip: engineMissing },
  async t => {
    const stack = await upStack(t, 'single')
    const image = `${stack.project}-api:2`
    await docker(['tag', 'localhost/twinedge/api:sample', image])
    t.teardown(() => docker(['rmi', image, ...['1', '2'].map(n => `${stack.project}/api:release-${n}`)]))
    const old = (await stack.container('api-blue')).slice(0, 12)
    const whoami = async (): Promise<string> =>
      (await converseJson(t, stack, 'h1', { path: '/api/v1/whoami' })).hostname
    t.equal(await whoami(), old)
    const { stream_id, reader } = await begin(t, stack)

    const swapped = twinedge(['swap', 'api', image, '--project', stack.project])
    const deadline = Date.now() + 60_000
    while ((await whoami()) === old) if (Date.now() > deadline) throw new Error((await swapped).err)
    const now = (await stack.container('api-green')).slice(0, 12)
    t.equal(await whoami(), now, 'the new one serves')

    for (const protocol of ['h1', 'h2'] as const) {
      const about = (path: string, body: object) =>
        converseJson(t, stack, protocol, json(path, { session_id, ...body }))
      const again = await converse(t, stack, protocol, json('chat/subscribe', { session_id, stream_id, after_seq: 0 }))
      t.match(
        await firstOf(again, 2),
        [
          { type: 'token', seq: 1, stream_id },
          { type: 'token', seq: 2 }
        ],
        protocol
      )
      t.same(await about('chat/approve', { stream_id }), { approved: true }, protocol)
      t.same(await about('chat/approve', { stream_id: 'another' }), { approved: false }, protocol)
      // Of the same stream, but asked where nobody has to own it.
      t.equal((await about('echo', { stream_id })).hostname, now, protocol)
      const later = await begin(t, stack)
      t.same(
        await about('chat/abort', { stream_id: later.stream_id }),
        { aborted: true },
        `${protocol}: the new one's own`
      )
    }

    t.same(await converseJson(t, stack, 'h2', json('chat/abort', { session_id, stream_id })), { aborted: true })
    const rest = await reader.take(600)
    t.match(rest.at(-1), { type: 'aborted', stream_id })
    t.same(
      rest.map(({ seq }) => seq),
      Array.from(rest, (_, at) => at + 2),
      'each event once, in order'
    )
    const { code, out, err } = await swapped
    t.equal(code, 0, err)
    t.match(out, /, 0 failed; .*; cut: 0; /)
    const { State } = await stack.inspect('api-blue')
    t.equal(State.Status, 'exited')
  }
)
