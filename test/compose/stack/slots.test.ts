import t from 'tap'
import { imageVariable, profilesFor, servingOf, slotOf } from '../../../compose/stack/slots.ts'
import type { StatusAnswer } from '../../../proxy/control/protocol.ts'

t.test('the profiles name the slots that serve, and keep what else was asked for', async t => {
  const serving = new Map([
    ['web', 'green'],
    ['api', 'blue']
  ] as const)
  t.equal(profilesFor('', serving), 'web-green,api-blue', 'none stood for blue, of everything')
  t.equal(profilesFor('api-green, postgres,web-blue', serving), 'web-green,api-blue,postgres')
  t.equal(
    profilesFor('red-blue,web-blue', new Map([['web', 'blue']])),
    'web-blue,red-blue',
    'a profile that is no slot'
  )
})

t.test('only what has two slots here can be swapped', async t => {
  const upstreams = [
    { name: 'web', slot: 'blue', isActive: false },
    { name: 'web', slot: 'green', isActive: true },
    { name: 'api', slot: 'only', isActive: true }
  ]
  const serving = servingOf({ upstreams } as unknown as StatusAnswer)
  t.equal(slotOf(serving, 'web'), 'green')
  t.throws(() => slotOf(serving, 'api'), {
    code: 'EDGE_USAGE',
    detail: /^api has no slots on this server; there are web$/
  })
  t.equal(imageVariable('web', 'green'), 'WEB_GREEN_IMAGE')
})
