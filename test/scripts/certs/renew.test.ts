import t from 'tap'
import type { RenewOutcome } from '../../../proxy/control/protocol.ts'
import { EdgeError } from '../../../proxy/errors.ts'
import { twinedge } from '../../doubles/command.ts'
import { renewal } from '../../doubles/control-actions.ts'
import { control } from '../../proxy/control/control.ts'
import { fastLimits } from './fast-limits.ts'

function outcome(name: string, differences: Partial<RenewOutcome> = {}): RenewOutcome {
  return { name, domains: [name], outcome: 'begun', issuer: null, expiresAt: null, error: null, ...differences }
}

/** An edge with two certificates by ACME, and `twinedge certs renew ARGS` on it. */
async function acme(t: Parameters<typeof control>[0]) {
  const { socket, actions } = await control(t)
  actions.listed = {
    mode: 'acme',
    certificates: [],
    renewals: [renewal('example.com'), renewal('www.example.com')],
    thumbprint: 'x'.repeat(43)
  }
  const renew = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    twinedge(['certs', 'renew', ...args, '--socket', socket], env)
  return { actions, renew }
}

const failed = outcome('www.example.com', {
  outcome: 'failed',
  error: {
    code: 'ACME_PORT_BLOCKED',
    detail: '203.0.113.9: Timeout during connect \u009b2J\n(likely a firewall problem)',
    next: 'open ports 80 and 443',
    at: '2026-11-22T00:00:00.000Z'
  }
})

t.test('a renewal asks for what is due, says what it began, and does not wait for it', async t => {
  const { actions, renew } = await acme(t)
  actions.onRenew = () => ({
    renewals: [
      outcome('example.com', { domains: ['example.com', 'b.example.com'] }),
      outcome('www.example.com', { outcome: 'not due' })
    ]
  })
  const { code, out } = await renew([])
  t.equal(code, 0)
  t.equal(
    out,
    'begun: example.com, b.example.com\n' +
      'not due: www.example.com (--force orders it all the same)\nwatch it: twinedge certs\n'
  )
  t.same(actions.renewed, [{ names: [], force: false, dryRun: false, directory: null }])
})

t.test('names and --force are passed on; with nothing begun there is nothing to watch', async t => {
  const { actions, renew } = await acme(t)
  const { code, out } = await renew(['example.com', 'www.example.com', '--force'])
  t.same([code, out], [0, 'there is nothing to renew\n'])
  t.same(actions.renewed, [{ names: ['example.com', 'www.example.com'], force: true, dryRun: false, directory: null }])
})

t.test('a name that there is not is refused with the one that was meant, and nothing is begun', async t => {
  const { actions, renew } = await acme(t)
  const { code, err } = await renew(['example.com', 'ww.example.com'])
  t.equal(code, 2)
  t.match(err, /^EDGE_USAGE: .*"ww\.example\.com"; did you mean www\.example\.com\?\nnext: /)
  t.same(actions.renewed, [])
})

t.test('a dry run prints the outcome of each, and exits 1 when one failed', async t => {
  const { actions, renew } = await acme(t)
  const issued = outcome('example.com', {
    outcome: 'issued',
    issuer: 'CN=(STAGING) \u001b[31m',
    expiresAt: '2027-02-20T10:00:00.000Z'
  })
  actions.onRenew = () => ({ renewals: [issued, failed] })
  const directory = 'https://127.0.0.1:14000/dir'
  const { code, out } = await renew(['--dry-run', '--directory', directory])
  t.equal(code, 1)
  t.equal(
    out,
    `issued: example.com by CN=(STAGING) \\u001b[31m, good until 2027-02-20T10:00:00.000Z (dry run: nothing was stored)
failed: www.example.com
  ACME_PORT_BLOCKED: 203.0.113.9: Timeout during connect \\u009b2J
  (likely a firewall problem)
  next: open ports 80 and 443
`
  )
  t.same(actions.renewed, [{ names: [], force: false, dryRun: true, directory }])
  actions.onRenew = () => ({ renewals: [issued] })
  t.equal((await renew(['--dry-run'])).code, 0)
  t.equal(actions.renewed[1]?.directory, null)
})

t.test('with --json, what the edge said comes as it is, with the same exit code', async t => {
  const { actions, renew } = await acme(t)
  actions.onRenew = () => ({ renewals: [failed] })
  const { code, out } = await renew(['--dry-run', '--json'])
  t.same([code, JSON.parse(out)], [1, { renewals: [failed] }])
})

t.test('options that contradict each other are refused', async t => {
  const { actions, renew } = await acme(t)
  for (const args of [
    ['--force', '--dry-run'],
    ['--directory', 'https://127.0.0.1/dir'],
    ['--dry-run', '--directory', 'http://127.0.0.1/dir'],
    ['--dry-run', '--directory', ''],
    ['--forse']
  ]) {
    const { code, err } = await renew(args)
    t.equal(code, 2, args.join(' '))
    t.match(err, /^EDGE_USAGE: /)
  }
  t.same(actions.renewed, [])
})

t.test('where the edge takes none by ACME, it says what to set', async t => {
  const { actions, renew } = await acme(t)
  actions.onRenew = () => {
    throw new EdgeError('ACME_OFF', 'tls.mode is local')
  }
  const { code, err } = await renew([])
  t.equal(code, 1)
  t.match(err, /^ACME_OFF: tls\.mode is local\nnext: set tls\.mode: acme/)
})

t.test('a dry run is waited for longer than anything else', async t => {
  const { actions, renew } = await acme(t)
  actions.onRenew = async () => {
    await new Promise(resolve => setTimeout(resolve, 2_000))
    return { renewals: [outcome('example.com', { outcome: 'issued' })] }
  }
  t.match(await renew([], fastLimits), { code: 1, err: /^EDGE_NOT_RUNNING: .*no answer within 30 s/ })
  t.match(await renew(['--dry-run'], fastLimits), { code: 0, out: /^issued: example\.com/ })
})
