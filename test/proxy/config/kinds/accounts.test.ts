import { randomBytes } from 'node:crypto'
import t from 'tap'
import { email, httpsUrl, profile, thumbprint } from '../../../../proxy/config/kinds/accounts.ts'

t.test('an e-mail address is one that may stand in a mailto: URL as it is', async t => {
  for (const right of ['ops@example.com', 'a.b+acme@mail.example.co', "o'b_1@EXAMPLE.com", 'x@xn--fiqs8s.cn']) {
    t.equal(email.read(right), right)
  }
  const wrong = ['', 'ops', '@example.com', 'ops@', 'ops@example', 'ops@example.', 'ops@.com', 'a b@example.com']
  const several = ['a@b.com,c@d.com', 'a@b@c.com', 'a@b.com?cc=d@e.com', 'a%40b@c.com', 'a#b@c.com', 'Ops <a@b.com>']
  for (const text of [...wrong, ...several, '运维@example.com', 'ops@example.com\n']) {
    t.equal(email.read(text), undefined, JSON.stringify(text))
  }
  t.equal(email.read('mailto:ops@example.com'), undefined)
  t.match(email.why?.('mailto:ops@example.com'), /without mailto:/)
})

t.test('a directory is reached over https, without a login and without a fragment', async t => {
  t.equal(httpsUrl.read('https://ca.example.com:14000/dir?a=1'), 'https://ca.example.com:14000/dir?a=1')
  t.equal(httpsUrl.read('HTTPS://CA.example.com'), 'https://ca.example.com/')
  const logins = ['https://me@ca.example.com/', 'https://:pw@ca.example.com/', 'https://me:pw@ca.example.com/']
  for (const text of ['', 'ca.example.com', '/dir', 'https://', 'https://ca.example.com/#a', 'ftp://x/', ...logins]) {
    t.equal(httpsUrl.read(text), undefined, text)
  }
  t.equal(httpsUrl.read('http://127.0.0.1/dir'), undefined)
  t.match(httpsUrl.why?.('http://127.0.0.1/dir'), /not asked for in clear text/)
})

t.test('a profile has whatever name its authority gave it', async t => {
  for (const right of ['shortlived', 'Default', 'DNS-A', 'tls_server.v2', 'a b', '1'])
    t.equal(profile.read(right), right)
  for (const wrong of ['', ' a', 'a ', 'a\nb', '配置', 'x'.repeat(101)]) {
    t.equal(profile.read(wrong), undefined, JSON.stringify(wrong))
  }
})

t.test('a thumbprint is one that 32 bytes have: nothing shorter, nothing longer, nothing in between', async t => {
  for (let count = 0; count < 200; count++) {
    const right = randomBytes(32).toString('base64url')
    t.equal(thumbprint.read(right), right)
  }
  const right = `${'A'.repeat(42)}E`
  t.equal(thumbprint.read(right), right)
  // Two bits of the last character are always 0.
  for (const last of 'BCDFGHJKLNOPRSTVWXZabdefhijlmnpqrtuvxyz1235679-_') {
    t.equal(thumbprint.read('A'.repeat(42) + last), undefined, last)
  }
  for (const wrong of [
    '',
    right.slice(1),
    `${right}A`,
    `${'A'.repeat(41)}+E`,
    `${right}=`,
    ` ${right}`,
    `${right}\n`
  ]) {
    t.equal(thumbprint.read(wrong), undefined, JSON.stringify(wrong))
  }
})
