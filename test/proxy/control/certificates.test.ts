import t from 'tap'
import { request } from 'undici'
import type { RenewOutcome } from '../../../proxy/control/protocol.ts'
import { EdgeError } from '../../../proxy/errors.ts'
import { renewal } from '../../doubles/control-actions.ts'
import { ask, control } from './control.ts'

const everything = { names: [], force: false, dryRun: false, directory: null }
const pair = { source: '/etc/letsencrypt/live/example.com', cert: 'a chain', key: 'a key' }

function outcome(name: string, differences: Partial<RenewOutcome> = {}): RenewOutcome {
  return { name, domains: [name], outcome: 'begun', issuer: null, expiresAt: null, error: null, ...differences }
}

/** An edge with two certificates by ACME. */
async function acme(t: Parameters<typeof control>[0], listen: Parameters<typeof control>[1] = null) {
  const running = await control(t, listen)
  running.actions.listed = {
    mode: 'acme',
    certificates: [],
    renewals: [renewal('example.com'), renewal('www.example.com')],
    thumbprint: 'x'.repeat(43)
  }
  const post = async (path: string, body: unknown) => {
    const { status, text } = await ask(running.socket, 'POST', `/certificates/${path}`, JSON.stringify(body))
    return { status, text, answer: JSON.parse(text) }
  }
  return { ...running, post }
}

t.test('the certificates come as they are', async t => {
  const { socket, actions } = await acme(t)
  const { status, text } = await ask(socket, 'GET', '/certificates')
  t.same([status, JSON.parse(text)], [200, actions.listed])
})

t.test('a renewal is answered with 202 as soon as it has begun; a name that is said twice is one', async t => {
  const { actions, post } = await acme(t)
  const begun = { renewals: [outcome('example.com')] }
  actions.onRenew = () => begun
  const { status, answer } = await post('renew', { ...everything, names: ['example.com', 'example.com'], force: true })
  t.same([status, answer], [202, begun])
  t.same(actions.renewed, [{ ...everything, names: ['example.com'], force: true }])
})

t.test('a dry run is answered with 200, when it is done', async t => {
  const { actions, post } = await acme(t)
  const { promise, resolve } = Promise.withResolvers<{ renewals: RenewOutcome[] }>()
  actions.onRenew = () => promise
  let isAnswered = false
  const asked = post('renew', { ...everything, dryRun: true, directory: 'https://127.0.0.1:14000/dir' })
  void asked.then(() => {
    isAnswered = true
  })
  while (actions.renewed.length === 0) await new Promise(setImmediate)
  t.notOk(isAnswered)
  const done = { renewals: [outcome('example.com', { outcome: 'issued', issuer: 'CN=test' })] }
  resolve(done)
  const { status, answer } = await asked
  t.same([status, answer], [200, done])
  t.same(actions.renewed, [{ ...everything, dryRun: true, directory: 'https://127.0.0.1:14000/dir' }])
})

t.test('a renewal that is asked for wrongly says what is expected, and nothing is begun', async t => {
  const { actions, socket, post } = await acme(t)
  const wrong: [unknown, RegExp][] = [
    [null, /names, force, dryRun, directory/],
    [[], /names, force, dryRun, directory/],
    ['all', /names, force, dryRun, directory/],
    [{ ...everything, directory: undefined }, /names, force, dryRun, directory/],
    [{ ...everything, forse: true }, /and nothing else/],
    [{ ...everything, names: 'example.com' }, /names is a list/],
    [{ ...everything, names: [5] }, /names is a list/],
    [{ ...everything, names: [''] }, /names is a list/],
    [{ ...everything, force: 'yes' }, /force is true or false/],
    [{ ...everything, dryRun: 1 }, /dryRun is true or false/],
    [{ ...everything, dryRun: true, force: true }, /goes without force/],
    [{ ...everything, dryRun: true, directory: 'http://127.0.0.1/' }, /an https URL/],
    [{ ...everything, dryRun: true, directory: 7 }, /an https URL/],
    [{ ...everything, directory: 'https://127.0.0.1/' }, /for a dry run/],
    [{ ...everything, names: ['exmple.com'] }, /"exmple\.com"; did you mean example\.com\?/],
    [{ ...everything, names: ['\u001b'] }, /name "\\u001b"$/]
  ]
  for (const [body, expected] of wrong) {
    const { status, answer } = await post('renew', body)
    t.equal(status, 400, JSON.stringify(body))
    t.match(answer, { code: 'EDGE_USAGE', detail: expected, next: String })
  }
  for (const body of ['{', undefined]) t.equal((await ask(socket, 'POST', '/certificates/renew', body)).status, 400)
  t.same(actions.renewed, [])
})

t.test('where no certificate is by ACME, the edge says so, whatever name is asked for', async t => {
  const { actions, post } = await acme(t)
  actions.listed = { mode: 'local', certificates: [], renewals: [], thumbprint: null }
  actions.onRenew = () => {
    throw new EdgeError('ACME_OFF', 'tls.mode is local')
  }
  const { status, answer } = await post('renew', { ...everything, names: ['example.com'] })
  t.same([status, answer.code, answer.detail], [409, 'ACME_OFF', 'tls.mode is local'])
  t.match(answer.next, /tls\.mode: acme/)
})

t.test('what stands against it is 409 with its own code; what was asked wrongly is 400', async t => {
  const { actions, post } = await acme(t)
  for (const code of ['EDGE_INTERNAL', 'TLS_KEY_MISMATCH', 'EDGE_STOPPING', 'EDGE_DISK_FULL', 'EDGE_USAGE'] as const) {
    const fail = () => {
      throw new EdgeError(code, 'a reason')
    }
    actions.onRenew = fail
    actions.onImport = fail
    for (const { status, answer } of [
      await post('renew', everything),
      await post('import', { certificates: [pair] })
    ]) {
      t.same([status, answer.code, answer.detail], [code === 'EDGE_USAGE' ? 400 : 409, code, 'a reason'])
    }
  }
})

t.test('chains and keys reach the edge as they were sent', async t => {
  const { actions, post } = await acme(t)
  const stored = { certificates: [{ source: pair.source, names: ['example.com'], reason: null }] }
  actions.onImport = () => stored
  const { status, answer } = await post('import', { certificates: [pair] })
  t.same([status, answer], [200, stored])
  t.same(actions.imported, [{ certificates: [pair] }])
})

t.test('an import may have a megabyte, and nothing else may', async t => {
  const { actions, post } = await acme(t)
  const chain = 'x'.repeat(1_048_576 - 200)
  t.equal((await post('import', { certificates: [{ ...pair, cert: chain }] })).status, 200)
  t.equal(actions.imported[0]?.certificates[0]?.cert.length, chain.length)
  t.match(await post('import', { certificates: [{ ...pair, cert: `${chain}${'x'.repeat(200)}` }] }), {
    status: 413,
    answer: { code: 'EDGE_USAGE' }
  })
  t.equal((await post('renew', { ...everything, names: ['x'.repeat(5_000)] })).status, 413)
})

t.test('an import that is asked for wrongly says what is expected, and nothing of the keys', async t => {
  const { actions, socket, post } = await acme(t)
  const secret = 'MHcCAQEEIAsecret'
  const wrong: [unknown, RegExp][] = [
    [null, /the body is a JSON object with certificates/],
    [{}, /the body is a JSON object with certificates/],
    [{ certificates: [] }, /at least one/],
    [{ certificates: secret }, /a list/],
    [{ certificates: [secret] }, /certificates\[0\] is a JSON object with source, cert, key/],
    [{ certificates: [pair, { ...pair, key: [secret] }] }, /certificates\[1\]\.key is a PEM private key/],
    [{ certificates: [{ ...pair, key: '' }] }, /certificates\[0\]\.key/],
    [{ certificates: [{ ...pair, cert: 5 }] }, /certificates\[0\]\.cert is a PEM chain/],
    [{ certificates: [{ ...pair, source: null }] }, /certificates\[0\]\.source/],
    [{ certificates: [{ ...pair, [secret]: secret }] }, /nothing else/]
  ]
  for (const [body, expected] of wrong) {
    const { status, answer, text } = await post('import', body)
    t.equal(status, 400, JSON.stringify(body))
    t.match(answer, { code: 'EDGE_USAGE', detail: expected, next: String })
    t.notMatch(text, secret)
  }
  const torn = await ask(socket, 'POST', '/certificates/import', `{"certificates":[{"key":"${secret}`)
  t.equal(torn.status, 400)
  t.notMatch(torn.text, secret)
  t.same(actions.imported, [])
})

t.test('nothing of certificates is served on the loopback port', async t => {
  const { port, actions } = await acme(t, { host: '127.0.0.1', port: 0 })
  const headers = { 'content-type': 'application/json' }
  const statusOf = async (method: 'GET' | 'POST', path: string, body?: object) => {
    const options = body === undefined ? { method } : { method, headers, body: JSON.stringify(body) }
    const answer = await request(`http://127.0.0.1:${port}${path}`, options)
    await answer.body.dump()
    return answer.statusCode
  }
  t.equal(await statusOf('GET', '/certificates'), 404)
  t.equal(await statusOf('POST', '/certificates/renew', everything), 404)
  t.equal(await statusOf('POST', '/certificates/import', { certificates: [pair] }), 404)
  t.same([actions.renewed, actions.imported], [[], []])
})
