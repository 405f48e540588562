import t from 'tap'
import type { ServerPlan } from '../../../../compose/laptop/plan/site.ts'
import type { Ssh } from '../../../../compose/laptop/ssh/ssh.ts'
import { describeCertificates, renewCertificates } from '../../../../compose/laptop/steps/certificates.ts'
import { workOn } from '../../../fixtures/bootstrap-work.ts'

const error = {
  code: 'ACME_DOMAIN_ELSEWHERE',
  detail: 'DNS leads to 10.0.0.1',
  next: 'set the thumbprint',
  at: 'before'
}
const renewal = { name: 'site.test', domains: ['site.test'], issuer: null, expiresAt: null, failures: 1 }
const failing = { ...renewal, state: 'failing', lastError: error }
const ordering = { ...renewal, state: 'ordering', lastError: error }
const issued = { ...renewal, state: 'waiting', expiresAt: '2027-02-21T08:00:00Z', failures: 0, lastError: null }

/** An edge that says one after the other, the last one for ever. */
function edge(...answers: readonly object[]) {
  const asked: string[] = []
  const run: Ssh['run'] = async command => {
    const words = command.slice(command.indexOf('certs')).join(' ')
    asked.push(words)
    const at = Math.min(asked.filter(one => one === 'certs --json').length, answers.length) - 1
    const stdout = words === 'certs --json' ? JSON.stringify(answers[at]) : 'begun'
    return { code: 0, stdout, stderr: '' }
  }
  return { asked, work: workOn({ server: { name: 'backend', folder: '/opt/twinedge' } as ServerPlan, run } as Ssh) }
}

const now = new Date('2026-11-23T07:00:00Z')

t.test('what had failed before the servers knew each other is not told as if it still did', async t => {
  const acme = (one: object): object => ({ mode: 'acme', certificates: [], renewals: [one], thumbprint: 'abc' })
  const { work, asked } = edge(acme(failing), acme(failing), acme(ordering), acme(issued))
  await renewCertificates(work)
  t.match(asked, ['certs --json', 'certs renew', 'certs --json', 'certs --json', 'certs --json'])
  t.same(await describeCertificates(work, now), ['site.test: 90 d left'])
})

t.test('each is told in a few words', async t => {
  const acme = (one: object): object => ({ mode: 'acme', certificates: [], renewals: [one], thumbprint: 'abc' })
  const told = (answer: object) => describeCertificates(edge(answer).work, now)
  t.same(await told(acme(ordering)), ['site.test: is being ordered'])
  t.same(await told(acme(failing)), ['site.test: ACME_DOMAIN_ELSEWHERE: DNS leads to 10.0.0.1'])
  const own = { domains: ['site.test'], expiresAt: '2027-02-21T08:00:00Z', isLocal: true }
  const [line] = (await told({ mode: 'local', certificates: [own], renewals: [] })) ?? []
  t.match(line, /^site\.test: 90 d left, by this server's own authority/)
})
