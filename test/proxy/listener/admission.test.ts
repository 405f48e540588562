import t from 'tap'
import type { LimitsConfig } from '../../../proxy/config/config.ts'
import { addressKey } from '../../../proxy/http/address-key.ts'
import { Admission } from '../../../proxy/listener/admission.ts'

function admission(connections: number, connectionsPerAddress: number, isExempt = (_: string): boolean => false) {
  const limits = { connections, connectionsPerAddress }
  return { limits, door: new Admission(() => limits as LimitsConfig, isExempt) }
}

t.test('an address has its share and no more, until it gives some back', async t => {
  const { door } = admission(10, 2)
  t.same(
    ['a', 'a', 'a', 'b'].map(address => door.admit(address)),
    [true, true, false, true]
  )
  t.equal(door.open, 3)
  door.release('a')
  t.ok(door.admit('a'))
  t.notOk(door.admit('a'))
})

t.test('all together have their share too', async t => {
  const { door } = admission(2, 2)
  t.ok(door.admit('a') && door.admit('b'))
  t.notOk(door.admit('c'))
  door.release('b')
  t.ok(door.admit('c'))
  for (const address of ['a', 'c']) door.release(address)
  t.equal(door.open, 0)
})

t.test('a trusted proxy is not one user, but counts towards the whole', async t => {
  const { door } = admission(3, 1, address => address === 'proxy')
  t.same(
    ['proxy', 'proxy', 'a', 'proxy'].map(address => door.admit(address)),
    [true, true, true, false]
  )
})

t.test('a changed limit holds for the next connection', async t => {
  const { door, limits } = admission(10, 1)
  t.ok(door.admit('a'))
  limits.connectionsPerAddress = 2
  t.ok(door.admit('a'))
})

t.test('an IPv6 customer is a /64, however it is written', async t => {
  const rows: [string, string][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::6', '2001:db8:1:2'],
    ['2001:db8::6', '2001:db8:0:0'],
    ['2001:db8::1:2:3:4', '2001:db8:0:0'],
    ['2001:db8::1:2:3:4:5', '2001:db8:0:1'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0']
  ]
  for (const [address, key] of rows) t.equal(addressKey(address), key, address)
})
