import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { noteShipping } from '../../../compose/server/look/shipped.ts'
import { shippedLines } from '../../../scripts/look/status.ts'
import { siteOf } from '../../doubles/deploy-servers.ts'
import { makeLaptop } from '../../doubles/ssh/laptop.ts'
import { sshMissing, startSshServer } from '../../doubles/ssh/server.ts'
import { missingIn } from '../../fixtures/next-steps.ts'

const [server] = siteOf('backend').servers
const image = { reference: 'localhost/shop/web:b7', bytes: 12_340_000, total: 45_600_000 }

function linesOf(isComing: boolean): string[] {
  const more = { holder: null, lines: [], orders: [], shipped: [{ ...image, isComing }] }
  const answer = { facts: null, looked: null, hello: null, failure: null, more }
  return shippedLines({ server: server!, answer, failure: null })
}

t.test('what was shipped and not loaded is told, with what becomes of it and how to be rid of it', async t => {
  const lines = linesOf(false)
  t.match(lines, [
    /^backend: 12\.3 of 45\.6 MB of localhost\/shop\/web:b7 were shipped, and are not loaded; the next deploy goes on/,
    /^ {2}next: twinedge deploy; .* after three days; or now: twinedge exec server --server backend -- rm -rf \/x\/site\/pieces$/
  ])
  t.same(await missingIn(lines[1]!), [])
  t.strictSame(linesOf(true), ['backend: 12.3 of 45.6 MB of localhost/shop/web:b7 have come'])
  t.strictSame(shippedLines({ server: server!, answer: null, failure: {} as never }), [])
})

t.test('status has it from the server', { skip: sshMissing }, async t => {
  const stack = t.testdir({ '.env': '' })
  const laptop = makeLaptop(await startSshServer(t), {
    project: 'te-none',
    folder: stack,
    envFile: join(stack, '.env')
  })
  const pieces = join(stack, 'site/pieces')
  mkdirSync(pieces, { recursive: true })
  const hash = 'a'.repeat(64)
  writeFileSync(join(pieces, `${hash}.f00d`), Buffer.alloc(1_500_000))
  await noteShipping(pieces, { ...image, fingerprint: 'f' }, [{ hash, bytes: 2_000_000 }])
  t.match((await laptop.twinedge('status')).out, `\nsingle: 1.5 of 2.0 MB of ${image.reference} were shipped`)
})
