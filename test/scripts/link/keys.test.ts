import t from 'tap'
import type { LinkStatus } from '../../../proxy/control/protocol.ts'
import { EdgeError } from '../../../proxy/errors.ts'
import { twinedge } from '../../doubles/command.ts'
import { fingerprints, linkStatus } from '../../doubles/control-actions.ts'
import { control } from '../../proxy/control/control.ts'

const { own, peer } = fingerprints
const refused: LinkStatus = {
  ...linkStatus,
  state: 'down',
  fault: {
    code: 'LINK_UNPAIRED',
    detail: 'the other server has not taken our key yet',
    next: 'twinedge link pair, on both servers',
    at: new Date().toISOString()
  }
}

t.test('pair alone shows the key of this server, and what to type on the other one, to the letter', async t => {
  const { socket, actions } = await control(t)
  actions.link.seen = [{ ...linkStatus, keys: { ...linkStatus.keys, peer: [] } }]
  const { code, out } = await twinedge(['link', 'pair', '--socket', socket])
  t.equal(code, 0)
  t.match(out, new RegExp(`^Type this on the other server:\n  twinedge link pair ${own}$`, 'm'))
  t.match(out, /^No key of the other server was taken yet/m)
  const { out: json } = await twinedge(['link', 'pair', '--json', '--socket', socket])
  t.same(JSON.parse(json), actions.link.seen[0]!.keys)
})

t.test('pair takes a key as it was typed, and tells when the link comes up', async t => {
  const { socket, actions } = await control(t)
  actions.link.seen = [refused, refused, linkStatus]
  const { code, out } = await twinedge(['link', 'pair', ` "${peer}`, '"', '--socket', socket])
  t.equal(code, 0)
  t.match(out, /^taken; waiting for the link to come up\nthe link to 203\.0\.113\.7:7443 is up\n$/)
  t.same(actions.link.asked, [{ fingerprint: ` "${peer}"`, forget: false }, 'status', 'status', 'status'])
})

t.test(
  'when it does not come up, what is missing is told: the fault, and the command for the other server',
  async t => {
    const { socket, actions } = await control(t)
    actions.link.seen = [refused]
    const { code, out } = await twinedge(['link', 'pair', peer, '--wait', '1s', '--socket', socket])
    t.equal(code, 0, 'the key was taken')
    t.match(
      out,
      /^it is not up after 1 s\n {2}LINK_UNPAIRED \(\d+ s ago\): the other server has not taken our key yet$/m
    )
    t.match(out, /^ {2}next: twinedge link pair, on both servers$/m)
    t.match(out, new RegExp(`^  twinedge link pair ${own}$`, 'm'))
    t.ok(actions.link.asked.length > 3, 'it has looked more than once')
  }
)

t.test('a key that is refused is told of with what is expected, and nothing is waited for', async t => {
  const { socket, actions } = await control(t)
  actions.link.fail = new EdgeError('EDGE_USAGE', `${own} is a key of this server`)
  const { code, out, err } = await twinedge(['link', 'pair', own, '--socket', socket])
  t.match({ code, out, err }, { code: 2, out: '', err: new RegExp(`EDGE_USAGE: ${own} is a key of this server`) })
  t.equal(actions.link.asked.length, 1)
})

t.test('pair --forget takes one away, and shows what remains', async t => {
  const { socket, actions } = await control(t)
  const { code, out } = await twinedge(['link', 'pair', '--forget', peer, '--socket', socket])
  t.match({ code, out }, { code: 0, out: /^forgotten; lines that were made with it are closed\n\nKEY OF/ })
  t.same(actions.link.asked, [{ fingerprint: peer, forget: true }])
  t.match(await twinedge(['link', 'pair', '--forget', '--socket', socket]), { code: 2, err: /--forget FINGERPRINT/ })
  t.match(await twinedge(['link', 'pair', peer, '--wait', 'long', '--socket', socket]), { code: 2, err: /a duration/ })
  t.equal(actions.link.asked.length, 1, 'what was typed wrongly reaches nobody')
})

t.test('rotate says that the other server has the new key; nothing is to be done', async t => {
  const { socket, actions } = await control(t)
  const { code, out } = await twinedge(['link', 'rotate', '--socket', socket])
  t.match({ code, out }, { code: 0, out: /a new key, and the other one takes it.*\n\nKEY OF/ })
  t.notMatch(out, /Type this/)
  t.equal(actions.link.asked[0], 'rotate')
  const { out: json } = await twinedge(['link', 'rotate', '--json', '--socket', socket])
  t.same(JSON.parse(json), linkStatus.keys)
})

t.test(
  'rotate in place of an expired key says what to type on the other server, which cannot know the new one',
  async t => {
    const { socket, actions } = await control(t)
    actions.link.seen = [refused]
    const { code, out } = await twinedge(['link', 'rotate', '--socket', socket])
    t.match({ code, out }, { code: 0, out: new RegExp(`had expired.*\nType this .*\n  twinedge link pair ${own}\n`) })
  }
)

t.test('rotate while the link is down fails with the reason', async t => {
  const { socket, actions } = await control(t)
  actions.link.fail = new EdgeError('LINK_DOWN', 'the next key is kept')
  const { code, err } = await twinedge(['link', 'rotate', '--socket', socket])
  t.match({ code, err }, { code: 1, err: /^LINK_DOWN: the next key is kept\nnext: twinedge link/ })
})
