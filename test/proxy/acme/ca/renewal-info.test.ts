import { X509Certificate } from 'node:crypto'
import t from 'tap'
import type { Outcome, RenewalInfo } from '../../../../proxy/acme/authority.ts'
import { ProcessAuthority } from '../../../../proxy/acme/ca/process-authority.ts'
import { certId } from '../../../../proxy/acme/ca/renewal-info.ts'
import { makeLeaf, makeRoot } from '../../../../proxy/tls/local-certificate.ts'
import { pebbleMissing, startPebble } from '../../../doubles/pebble/pebble.ts'
import { listenForAuthority, orderOf } from './domains.ts'
import { directory, json, type Script, startScripted } from './scripted-authority.ts'

const authority = new ProcessAuthority({ deadlineMs: 60_000 })
const minuteMs = 60_000
const window = { start: '2030-01-02T03:04:05Z', end: '2030-01-03T03:04:05.000Z' }
const root = await makeRoot(new Date())
const { cert } = await makeLeaf(root, ['a.test'], new Date())

/** Asks an authority whose renewal information is this. */
async function asked(
  owner: Parameters<typeof startScripted>[0],
  answer: Script[string]
): Promise<Outcome<RenewalInfo | null>> {
  const script = { '/dir': directory({ renewalInfo: '/renewal' }), [`/renewal/${await certId(cert)}`]: answer }
  const scripted = await startScripted(owner, script)
  return await authority.renewalInfo({ url: scripted.directory, ca: scripted.ca }, cert)
}

t.test('the example of RFC 9773', async t => {
  // Appendix A, with its serial and its key identifier.
  const pem = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----`
  t.equal(await certId(pem), 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE')
})

t.test('a certificate that does not say who issued it has no id', async t => {
  t.equal(await certId(root.cert), null)
  t.match(await certId(cert), /^[\w-]{27}\.[\w-]+$/)
  t.equal(new X509Certificate(cert).ca, false)
})

t.test('what Pebble advises, of itself and when it is told to', { skip: pebbleMissing('new') }, async t => {
  const domains = await listenForAuthority(t)
  const pebble = await startPebble(t, { version: 'new', ...domains })
  const issued = await authority.order(orderOf(pebble, domains.accountKey, ['a.test']), domains.challenges)
  if ('refused' in issued) return t.fail(issued.refused.detail)
  const ask = () => authority.renewalInfo({ url: pebble.directory, ca: pebble.ca }, issued.ok.cert)
  const leaf = new X509Certificate(issued.ok.cert)
  const own = await ask()
  if ('refused' in own || own.ok === null) return t.fail('no advice')
  t.ok(Date.parse(own.ok.start) > leaf.validFromDate.getTime() && Date.parse(own.ok.end) < leaf.validToDate.getTime())
  await pebble.setRenewalInfo(issued.ok.cert, { suggestedWindow: window, explanationURL: 'https://a.test/why' })
  t.match(await ask(), {
    ok: { start: new Date(window.start).toISOString(), end: window.end, explanationUrl: 'https://a.test/why' }
  })
})

t.test(
  'an authority without ARI, and one that does not know the certificate',
  { skip: pebbleMissing('debian') },
  async t => {
    const pebble = await startPebble(t, await listenForAuthority(t))
    t.same(await authority.renewalInfo({ url: pebble.directory, ca: pebble.ca }, cert), { ok: null })
    t.same(await asked(t, json(404, {})), { ok: null })
  }
)

t.test('it is asked again when the authority says, within a minute and a day', async t => {
  const rows = { '600': 10, '1': 1, '8640000': 1_440, nonsense: 360, '': 360 }
  for (const [header, minutes] of Object.entries(rows)) {
    const headers: Record<string, string> = header === '' ? {} : { 'retry-after': header }
    const outcome = await asked(t, json(200, { suggestedWindow: window }, headers))
    if ('refused' in outcome || outcome.ok === null) return t.fail(header)
    const waitMs = Date.parse(outcome.ok.askAgainAt) - Date.now()
    t.ok(Math.abs(waitMs - minutes * minuteMs) < minuteMs / 2, `${header}: ${waitMs}`)
    t.equal(outcome.ok.explanationUrl, null)
  }
})

t.test('a window that is none is refused, and so is an authority that fails', async t => {
  const backwards = { start: window.end, end: window.start }
  for (const suggestedWindow of [backwards, { start: window.start, end: window.start }, { start: 'soon' }, undefined]) {
    const outcome = await asked(t, json(200, { suggestedWindow }))
    t.match(outcome, { refused: { code: 'ACME_AUTHORITY_FAILED', detail: /a window from/ } })
  }
  t.match(await asked(t, json(200, 'nonsense')), { refused: { code: 'ACME_AUTHORITY_FAILED' } })
  t.match(await asked(t, json(500, {})), { refused: { code: 'ACME_AUTHORITY_FAILED', detail: /HTTP 500/ } })
  t.match(await asked(t, json(429, {}, { 'retry-after': '60' })), { refused: { code: 'ACME_RATE_LIMITED' } })
})
