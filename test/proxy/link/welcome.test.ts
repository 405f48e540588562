import t from 'tap'
import type { LinkConfig } from '../../../proxy/config/config.ts'
import { Welcome } from '../../../proxy/link/welcome.ts'

const welcome = (host: string, from: string[] = []): Welcome => {
  const config: LinkConfig = { listen: [], peer: { host, port: 7443 }, from }
  return new Welcome(config)
}

t.test('the peer is admitted from its own address and from those that are named, and nobody else is', async t => {
  const one = welcome('203.0.113.7', ['198.51.100.0/24', '2001:db8::/32', '192.0.2.1/32'])
  for (const address of [
    '203.0.113.7',
    '198.51.100.0',
    '198.51.100.255',
    '2001:db8::1',
    '2001:db8:ffff::',
    '192.0.2.1'
  ]) {
    t.ok(one.admits(address, 0), address)
  }
  for (const address of ['203.0.113.8', '198.51.101.0', '2001:db9::', '192.0.2.2', '127.0.0.1', '::1']) {
    t.notOk(one.admits(address, 0), address)
  }
})

t.test('an IPv6 address is the same however it is written; a zone is none of it', async t => {
  const one = welcome('2001:db8:0::1')
  for (const address of ['2001:db8::1', '2001:DB8:0:0:0:0:0:1']) t.ok(one.admits(address, 0), address)
  for (const address of ['fe80::1%lo', '2001:db8::2']) t.notOk(one.admits(address, 0), address)
  t.ok(welcome('::1').admits('::1', 0))
})

t.test('what is no address is not admitted', async t => {
  for (const none of ['', 'localhost', 'undefined', '1.2.3', '203.0.113.7:1'])
    t.notOk(welcome('203.0.113.7').admits(none, 0), none)
})

t.test('a name is looked up at the start, and again at most every half a minute', async t => {
  const one = welcome('localhost')
  t.notOk(one.admits('127.0.0.1', 0), 'not known yet; its next try finds the door open')
  await one.look(0)
  for (let i = 0; i < 500 && !one.admits('127.0.0.1', 0); i++) await new Promise(resolve => setTimeout(resolve, 10))
  t.ok(one.admits('127.0.0.1', 0))
  t.notOk(one.admits('192.0.2.1', 0))
  const nowhere = welcome('nowhere.invalid')
  await nowhere.look(0)
  t.notOk(nowhere.admits('127.0.0.1', 40_000))
})
