import t from 'tap'
import { Memory } from '../../../proxy/assets/memory.ts'

t.test('what was not used for the longest time goes first, and the bound holds', async t => {
  const memory = new Memory(100)
  memory.keep('a', Buffer.alloc(40))
  memory.keep('b', Buffer.alloc(40))
  t.ok(memory.get('a'), 'used again')
  memory.keep('c', Buffer.alloc(40))
  t.equal(memory.get('b'), undefined)
  t.ok(memory.get('a') && memory.get('c'))
  t.equal(memory.bytes, 80)
  memory.keep('c', Buffer.alloc(40))
  t.equal(memory.bytes, 80, 'kept once')
  memory.keep('d', Buffer.alloc(101))
  t.equal(memory.get('d'), undefined, 'too large for it')
  t.ok(memory.get('a'), 'and nothing had to go for it')
})
