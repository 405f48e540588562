import t from 'tap'
import { Deadlines } from '../../../../proxy/deadlines.ts'
import { StreamClaim } from '../../../../proxy/forward/owner/stream-claim.ts'
import { OwnedStreams } from '../../../../proxy/upstream/slots/owned-streams.ts'
import type { Slot } from '../../../../proxy/upstream/slots/slot.ts'

t.test('the first name is the name: what later events say of other streams is no claim to them', async t => {
  const owned = new OwnedStreams(new Deadlines())
  const claim = new StreamClaim({ owned } as Slot, 'stream_id')
  for (const key of ['s-1', 's-2', 's-3']) claim.read(Buffer.from(`data: {"stream_id":"${key}"}\n\n`))
  t.match([owned.size, owned.has('s-1')], [1, true])
  claim.end(true)
  t.equal(owned.size, 0)
})
