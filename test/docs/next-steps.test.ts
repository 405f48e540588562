import t from 'tap'
import { nextAt } from '../../compose/laptop/plan/commands.ts'
import { failures } from '../../proxy/errors.ts'
import { missingIn } from '../fixtures/next-steps.ts'

t.test('what the row of a failure says to type is there, on a server and from a laptop', async t => {
  for (const [code, { next }] of Object.entries(failures)) {
    t.same(await missingIn(next), [], `${code}: ${next}`)
    t.same(await missingIn(nextAt('backend', next)), [], code)
  }
  t.same(await missingIn('twinedge deploy --never; twinedge nothing; parts.web.image, WEB_NO_PORT'), [
    'twinedge deploy --never',
    'twinedge nothing: there is no nothing',
    'parts.web.image',
    'WEB_NO_PORT'
  ])
})
