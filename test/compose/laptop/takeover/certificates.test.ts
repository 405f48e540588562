import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { carryOut } from '../../../../compose/laptop/bootstrap/actions.ts'
import { connectSsh } from '../../../../compose/laptop/ssh/ssh.ts'
import { planCertificates } from '../../../../compose/laptop/takeover/certificates.ts'
import { startStandIns } from '../../../doubles/ssh/stand-ins.ts'
import { workOn } from '../../../fixtures/bootstrap-work.ts'

/** Sees what it gets, and says and ends as it is told. */
const docker = `(cd site/import && cat */privkey.pem) >"$STAND/keys"
cat "$STAND/says" 2>/dev/null
cat "$STAND/complains" >&2 2>/dev/null
exit "$(cat "$STAND/code" 2>/dev/null || echo 0)"
`
const acme = 'DOMAINS=[site.test]\nTLS_MODE=acme\n'

async function world(t: Test) {
  const { server, at, calls } = await startStandIns(t, 'frontend', { docker })
  mkdirSync(join(server.plan.folder, 'site'), { recursive: true })
  const ssh = await connectSsh(server.plan)
  t.teardown(() => ssh.close())
  const work = workOn(ssh, { env: acme })
  const pair = (name: string, ...names: string[]) => {
    const [cert, key] = [at(`${name}.pem`), at(`${name}.key`)]
    writeFileSync(cert, `${name}'s chain\n`)
    writeFileSync(key, `${name}'s key\n`)
    return { cert, key, names }
  }
  const bring = async (says: Record<'says' | 'complains' | 'code', string>): Promise<void> => {
    for (const [name, text] of Object.entries(says)) writeFileSync(at(name), text)
    for (const one of planCertificates(work, [pair('own', 'site.test')]).actions) await carryOut(ssh, one)
  }
  return { work, pair, bring, calls, at, left: join(server.plan.folder, 'site/import') }
}

t.test('what is shown for the domains of the site is handed over, and nobody else’s key', async t => {
  const { work, pair, at, left, calls } = await world(t)
  const { actions, notes } = planCertificates(work, [pair('own', 'site.test'), pair('other', 'other.test')])
  t.equal(notes, undefined)
  t.match(actions, [{ says: `import the certificates of nginx: ${at('own.pem')}` }])
  writeFileSync(at('says'), '/import/1: stored for site.test\n')
  await carryOut(work.ssh, actions[0]!)
  t.match(calls(), /compose run .*:\/import:ro edge certs import \/import --config \/etc\/twinedge\/frontend\.yaml\n$/)
  t.equal(readFileSync(at('keys'), 'utf8'), "own's key\n")
  t.notOk(existsSync(left), 'it lies there no longer')
  t.same(work.said, [`  ${at('own.pem')}: stored for site.test`])
})

t.test('where none is for them, or none is good, what comes of it is told, and nothing is refused', async t => {
  const { work, pair, bring, at } = await world(t)
  for (const all of [[], [pair('other', 'other.test')]]) {
    const { actions, notes } = planCertificates(work, all)
    t.same(actions, [])
    t.match(notes, [/^it has no certificate for site\.test; .*browsers warn of, until ACME has issued one/])
  }
  await bring({ says: '/import/1: not stored: it is for a.test: none that is served here\n', complains: '', code: '1' })
  t.match(work.said, [`  ${at('own.pem')}: not stored: it is for a.test: none that is served here`, /browsers warn of/])
  work.said.length = 0
  await bring({
    says: '',
    complains: 'TLS_KEY_MISMATCH: /import/1: another key\nnext: take the right one\n',
    code: '1'
  })
  t.match(work.said, [`  TLS_KEY_MISMATCH: ${at('own.pem')}: another key`, /browsers warn of/])
})

t.test('what the edge has not looked at may be good: nginx goes on', async t => {
  const { bring, left } = await world(t)
  const refused = { code: 'SERVER_STEP_FAILED', detail: /no such volume/ }
  await t.rejects(bring({ says: '', complains: 'no such volume\n', code: '1' }), refused)
  t.notOk(existsSync(left))
})

t.test('an edge that has others needs none', async t => {
  const { work, pair } = await world(t)
  const { actions, notes } = planCertificates({ ...work, env: 'TLS_MODE=files\n' }, [pair('own', 'site.test')])
  t.same(actions, [])
  t.match(notes, [/stay where they are/])
})
