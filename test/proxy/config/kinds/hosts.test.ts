import t from 'tap'
import {
  address,
  block,
  domain,
  hostPort,
  loopback,
  origin,
  originOrPeer
} from '../../../../proxy/config/kinds/hosts.ts'

t.test('a domain becomes lower-case A-labels', async t => {
  t.equal(domain.read('Example.COM'), 'example.com')
  t.equal(domain.read('bücher.example'), 'xn--bcher-kva.example')
  t.equal(domain.read('例子.测试'), 'xn--fsqu00a.xn--0zwm56d')
  t.equal(domain.read('example.com.'), 'example.com')
  t.equal(domain.read('localhost'), 'localhost')
})

t.test('what is no domain is refused, and the common mistakes are named', async t => {
  for (const wrong of ['', 'a b', 'a..b', '.a', '-a.com', 'a/b', 'exa%6dple.com', `${'a'.repeat(64)}.com`, '0x7f.1']) {
    t.equal(domain.read(wrong), undefined, JSON.stringify(wrong))
  }
  const named = {
    '*.example.com': /wildcards are not supported/,
    'https://example.com': /without a scheme/,
    'example.com:443': /without a port/,
    '203.0.113.7': /not an address/,
    '[::1]': /not an address/
  }
  for (const [wrong, why] of Object.entries(named)) {
    t.equal(domain.read(wrong), undefined, wrong)
    t.match(domain.why?.(wrong), why)
  }
})

t.test('an origin is a scheme, a host and a port, and nothing after them', async t => {
  t.equal(origin.read('http://127.0.0.1:8000'), 'http://127.0.0.1:8000')
  t.equal(origin.read('https://API.example.com'), 'https://api.example.com')
  t.equal(origin.read('http://[::1]:8000'), 'http://[::1]:8000')
  const wrong = [
    '',
    'http://',
    'ftp://x',
    'http:x',
    'http://x:99999',
    'http://x:0',
    'http://x:',
    'http://a b',
    'http:\\\\x'
  ]
  for (const each of wrong) t.equal(origin.read(each), undefined, each)
  const named = {
    'http://user:pw@x': /login/,
    'http://x/': /without a path/,
    'http://x/api': /without a path/,
    'http://x?q': /without a path/,
    '127.0.0.1:8000': /http:\/\/127\.0\.0\.1:8000/
  }
  for (const [each, why] of Object.entries(named)) {
    t.equal(origin.read(each), undefined, each)
    t.match(origin.why?.(each), why)
  }
})

t.test('a bare port means every address', async t => {
  t.strictSame(address.read('443'), { host: '::', port: 443 })
  t.strictSame(address.read('127.0.0.1:80'), { host: '127.0.0.1', port: 80 })
  t.strictSame(address.read('[0:0::1]:80'), { host: '::1', port: 80 })
  t.strictSame(address.read('0'), { host: '::', port: 0 })
  const wrong = [
    '',
    '65536',
    ':80',
    '::1:80',
    '[127.0.0.1]:80',
    '127.0.0.256:80',
    '01.2.3.4:80',
    'localhost:80',
    '[::g]:80',
    '127.0.0.1',
    '-1'
  ]
  for (const each of wrong) t.equal(address.read(each), undefined, each)
})

t.test('the control listener never leaves the machine', async t => {
  t.strictSame(loopback.read('9100'), { host: '127.0.0.1', port: 9100 })
  t.strictSame(loopback.read('127.8.8.8:9100'), { host: '127.8.8.8', port: 9100 })
  t.strictSame(loopback.read('[::1]:9100'), { host: '::1', port: 9100 })
  for (const each of ['0.0.0.0:9100', '[::]:9100', '10.0.0.1:9100', '[::1:1]:9100'])
    t.equal(loopback.read(each), undefined, each)
})

t.test('one address is a block of one', async t => {
  t.equal(block.read('10.0.0.1'), '10.0.0.1/32')
  t.equal(block.read('10.0.0.0/8'), '10.0.0.0/8')
  t.equal(block.read('FD00::'), 'fd00::/128')
  t.equal(block.read('fd00::/8'), 'fd00::/8')
  for (const each of ['', '10.0.0.0/33', 'fd00::/129', '10.0.0', '10.0.0.0/', '/8', 'x/8', '10.0.0.0/8/8']) {
    t.equal(block.read(each), undefined, each)
  }
})

t.test('nobody may trust everybody', async t => {
  for (const each of ['0.0.0.0/0', '::/0', '10.0.0.0/00']) {
    t.equal(block.read(each), undefined, each)
    t.match(block.why?.(each), /everybody/)
  }
  t.equal(block.read('::ffff:0:0/96'), undefined, 'all of IPv4 in another notation')
  t.match(block.why?.('::ffff:0:0/96'), /its own notation/)
})

t.test('another machine is a name or an address, with a port or without', async t => {
  const hosts = {
    '203.0.113.7': ['203.0.113.7', null],
    '203.0.113.7:7443': ['203.0.113.7', 7443],
    '2001:DB8:0::7': ['2001:db8::7', null],
    '[2001:db8::7]': ['2001:db8::7', null],
    '[2001:db8:0::7]:7443': ['2001:db8::7', 7443],
    '::1': ['::1', null],
    'Backend.Example.NET.': ['backend.example.net', null],
    'backend.example.net.:65535': ['backend.example.net', 65_535],
    'bücher.example:1': ['xn--bcher-kva.example', 1],
    localhost: ['localhost', null]
  }
  for (const [text, [host, port]] of Object.entries(hosts)) t.strictSame(hostPort.read(text), { host, port }, text)
})

t.test('what is no machine is refused, and a scheme is named', async t => {
  const wrong = [
    '',
    ':7443',
    'a b',
    'example.net:',
    'example.net:0',
    'example.net:65536',
    'example.net:https',
    '203.0.113.7:0',
    '203.0.113.256',
    '203.0.113',
    '[203.0.113.7]:7443',
    '[2001:db8::7',
    '[2001:db8::7]:0',
    '[2001:db8::g]',
    '2001:db8::7]',
    '[fe80::1%eth0]',
    'example.net/x',
    '-a.net'
  ]
  for (const each of wrong) t.equal(hostPort.read(each), undefined, JSON.stringify(each))
  t.match(hostPort.why?.('https://example.net'), /without a scheme/)
  t.match(hostPort.why?.('example.net/x'), /one host/)
  t.equal(hostPort.why?.('example.net:0'), undefined)
})

t.test('an upstream is reached at an origin, or at the other server', async t => {
  t.equal(originOrPeer.read('peer'), 'peer')
  t.equal(originOrPeer.read('http://Peer'), 'http://peer')
  for (const each of ['Peer', 'peers', 'peer:80', '']) t.equal(originOrPeer.read(each), undefined, each)
  t.match(originOrPeer.why?.('127.0.0.1:8000'), /http:/)
  t.equal(origin.read('peer'), undefined, 'but a slot is a place')
  t.match(origin.why?.('peer'), /as a whole/)
})
