import { createServer } from 'node:https'
import t, { type Test } from 'tap'
import { askAt, type Entrance } from '../../../../compose/laptop/entry/entrance.ts'
import { makeLeaf, makeRoot } from '../../../../proxy/tls/local-certificate.ts'

const root = await makeRoot(new Date())
const leaf = await makeLeaf(root, ['shop.test', 'www.shop.test'], new Date())

/** @param statuses of one answer after the other, the last for ever */
async function entrance(t: Test, statuses: number[], rest: Partial<Entrance> = {}) {
  const asked: string[] = []
  const server = createServer(leaf, (request, response) => {
    asked.push(`${request.headers.host?.replace(/:.*/, '')}${request.url}`)
    const status = (statuses.length > 1 ? statuses.shift() : statuses[0]) ?? 500
    response.writeHead(status, { location: '/login' }).end('x')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const said: string[] = []
  const place = { address: '127.0.0.1', port, localRoot: root.cert, domains: ['shop.test'], paths: ['/'], ...rest }
  const say = (line: string): void => void said.push(line)
  return { asked, said, verify: () => askAt(place, { say, tries: 5, againMs: 10 }) }
}

t.test(
  'every path of every domain is asked for by its name at this address, and the edge’s own root is enough',
  async t => {
    const { asked, said, verify } = await entrance(t, [200, 302], {
      domains: ['shop.test', '*.shop.test'],
      paths: ['/', '/a']
    })
    t.strictSame(await verify(), [])
    t.strictSame(asked, ['shop.test/', 'shop.test/a', 'www.shop.test/', 'www.shop.test/a'])
    t.match(said, [
      /^verified https:\/\/shop.test\/ at 127.0.0.1: 200 in \d+ ms$/,
      /\/a at 127.0.0.1: 302/,
      /: 302/,
      /: 302/
    ])
    t.equal(said.length, 4, 'no warning')
  }
)

t.test('a certificate that no browser would take is told of, once for each domain', async t => {
  const unknown = await entrance(t, [200], { localRoot: null, paths: ['/', '/a'] })
  await unknown.verify()
  const told = unknown.said.filter(line => line.startsWith('WARNING'))
  t.match(told, [/^WARNING: the certificate of shop.test was not verified: UNABLE_TO_VERIFY/])
  t.equal(told.length, 1)
  const other = await entrance(t, [200], { domains: ['other.test'] })
  await other.verify()
  t.match(other.said.at(-1), /^WARNING: the certificate of other.test was not verified: .*(ALTNAME|altname)/)
})

t.test('an edge that needs a moment gets it; one that answers wrong is told with every path', async t => {
  const late = await entrance(t, [502, 200])
  await late.verify()
  t.equal(late.asked.length, 2)
  const wrong = await entrance(t, [500], { paths: ['/a'] })
  t.strictSame(await wrong.verify(), [{ where: 'https://shop.test/a at 127.0.0.1', why: 'it answers 500' }])
  const nobody = await askAt(
    { address: '127.0.0.1', port: 1, localRoot: null, domains: ['shop.test'], paths: ['/'] },
    { say: () => {}, tries: 2, againMs: 10 }
  )
  t.match(nobody, [{ why: /ECONNREFUSED/ }])
})
