import t from 'tap'
import { asked, calmly, orElse } from '../../../compose/container/refusals.ts'

function refusal(statusCode: number): Promise<never> {
  return Promise.reject(Object.assign(new Error(`(HTTP code ${statusCode})`), { statusCode }))
}

t.test('what is so already, and what is gone, is no failure', async t => {
  for (const code of [304, 404]) await calmly(refusal(code))
  await t.rejects(calmly(refusal(409)), /409/)
  for (const code of [404, 409]) t.equal(await orElse(null, () => refusal(code)), null)
  await t.rejects(
    orElse(null, () => refusal(500)),
    /500/
  )
})

t.test('an engine that refuses is told from one that is away', async t => {
  await t.rejects(
    asked(() => refusal(500)),
    { code: 'COMPOSE_REFUSED', detail: 'the engine: (HTTP code 500)' }
  )
  const gone = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
  await t.rejects(
    asked(() => Promise.reject(gone)),
    { code: 'COMPOSE_ENGINE_UNREACHABLE', detail: 'connect' }
  )
})
