import t from 'tap'
import { Challenges } from '../../../proxy/acme/challenges.ts'
import { makeLeaf, makeRoot } from '../../../proxy/tls/local-certificate.ts'

const ours = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'
const theirs = 'AAAAsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'
const token = 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0'

t.test('without a peer any token is answered, with no record of which there are', async t => {
  const challenges = new Challenges()
  t.equal(challenges.answerTo(token), null, 'nothing before there is an account')
  challenges.thumbprint = ours
  t.equal(challenges.answerTo(token), `${token}.${ours}`)
})

t.test('with a peer, tokens of our open order are ours and all others are its', async t => {
  const challenges = new Challenges()
  challenges.thumbprint = ours
  challenges.peerThumbprint = theirs
  t.equal(challenges.answerTo(token), `${token}.${theirs}`)
  challenges.openHttp(token)
  t.equal(challenges.answerTo(token), `${token}.${ours}`)
  challenges.closeAll()
  t.equal(challenges.answerTo(token), `${token}.${theirs}`)
})

t.test('an edge without an account of its own answers for its peer', async t => {
  const challenges = new Challenges()
  challenges.peerThumbprint = theirs
  t.equal(challenges.answerTo(token), `${token}.${theirs}`)
})

t.test('what the peer told over the link does where nothing is configured, and only there', async t => {
  const challenges = new Challenges()
  challenges.thumbprint = ours
  challenges.heardThumbprint = theirs
  t.equal(challenges.answerTo(token), `${token}.${theirs}`)
  challenges.peerThumbprint = ours.replace('N', 'B')
  t.equal(challenges.answerTo(token), `${token}.${ours.replace('N', 'B')}`)
  challenges.openHttp(token)
  t.equal(challenges.answerTo(token), `${token}.${ours}`)
})

t.test('what is no token is not echoed', async t => {
  const challenges = new Challenges()
  challenges.thumbprint = ours
  for (const text of [
    '',
    'short',
    '../../etc/passwd',
    `${token}?x`,
    `${token}/x`,
    '<script>alert(1)</script>aaaaaaaaaa',
    'a'.repeat(129)
  ]) {
    t.equal(challenges.answerTo(text), null, text)
  }
})

t.test('a TLS-ALPN challenge is there for its domain, until it is closed', async t => {
  const challenges = new Challenges()
  t.notOk(challenges.isAlpnOpen)
  challenges.openAlpn('a.test', await makeLeaf(await makeRoot(new Date()), ['a.test'], new Date()))
  t.ok(challenges.isAlpnOpen)
  t.ok(challenges.alpnContextFor('A.Test'))
  t.notOk(challenges.alpnContextFor('b.test'))
  challenges.closeAll()
  t.notOk(challenges.isAlpnOpen)
})
