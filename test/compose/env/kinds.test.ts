import t from 'tap'
import { blocks, flag, memory, port, privateAddress, projectName, someOf } from '../../../compose/env/kinds.ts'

t.test('a port is a number from 1 to 65535', async t => {
  for (const good of ['1', '443', '65535']) t.equal(port.read(good), Number(good))
  for (const bad of ['0', '65536', '-1', '8e2', '0x50', '80 ', '127.0.0.1:80']) t.equal(port.read(bad), undefined, bad)
})

t.test('memory is read as Compose reads it', async t => {
  const mib = 2 ** 20
  const sizes = { '256m': 256, '256M': 256, '256mb': 256, '256MiB': 256, '1g': 1024, '1.5g': 1536, '8192k': 8 }
  for (const [text, count] of Object.entries(sizes)) t.equal(memory.read(text), count * mib, text)
  for (const bad of ['256', '5m', 'much', '256x', '-1g', '1.g', '']) t.equal(memory.read(bad), undefined, bad)
  t.match(memory.why?.('256'), /^its unit as well: 256m/)
})

t.test('a container is published to this machine or a private network, never to everybody', async t => {
  const good = ['127.0.0.1', '10.0.0.5', '172.16.0.1', '172.31.9.9', '192.168.1.1', '100.64.0.1', '[::1]', '[fd00::5]']
  for (const one of good) t.equal(privateAddress.read(one), one)
  for (const bad of ['0.0.0.0', '8.8.8.8', '172.32.0.1', '100.128.0.1', '192.169.0.1', '[::]', '[2001:db8::1]']) {
    t.equal(privateAddress.read(bad), undefined, bad)
    t.match(privateAddress.why?.(bad), /^a private one: .*past the firewall/, bad)
  }
  for (const bad of ['fd00::5', '::']) t.equal(privateAddress.why?.(bad), `brackets around it: [${bad}]`)
  for (const bad of ['eth0', 'localhost', '10.0.0.5:8000', '10.0.0']) {
    t.same([privateAddress.read(bad), privateAddress.why?.(bad)], [undefined, undefined], bad)
  }
})

t.test('a list may name each of its words, and a typo is told', async t => {
  const kind = someOf(['web-blue', 'postgres'])
  t.same(kind.read('web-blue,postgres'), ['web-blue', 'postgres'])
  for (const bad of ['web-blue, postgres', 'web-blue,', '*']) t.equal(kind.read(bad), undefined, bad)
  t.match(kind.why?.('web-blue,postgre'), /; probably postgres$/)
  t.equal(kind.why?.('*'), undefined)
})

t.test('flags and project names', async t => {
  for (const text of ['true', 'True', '1', 'yes', 'on']) t.equal(flag.read(text), true, text)
  for (const text of ['false', '0', 'No', 'off']) t.equal(flag.read(text), false, text)
  t.equal(flag.read('maybe'), undefined)
  for (const text of ['twinedge', 'a_b-2', '9']) t.equal(projectName.read(text), text)
  for (const text of ['Twinedge', '-a', 'a b', '']) t.equal(projectName.read(text), undefined, text)
})

t.test('addresses are one or a list, as the edge reads them', async t => {
  t.same(blocks.read('10.0.0.7'), ['10.0.0.7/32'])
  t.same(blocks.read('[10.0.0.7, fd00::/8]'), ['10.0.0.7/32', 'fd00::/8'])
  for (const bad of ['', '[]', '[10.0.0.7', '10.0.0.7 10.0.0.8', '[10.0.0.7, x]', '10.0.0.7,']) {
    t.equal(blocks.read(bad), undefined, bad)
  }
  t.match(blocks.why?.('[10.0.0.7, 0.0.0.0/0]'), /everybody/)
  t.equal(blocks.why?.('x'), undefined)
})
