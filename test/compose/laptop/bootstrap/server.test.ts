import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { BootstrapRecord } from '../../../../compose/laptop/bootstrap/record.ts'
import { take } from '../../../../compose/laptop/bootstrap/server.ts'
import type { Step } from '../../../../compose/laptop/bootstrap/step.ts'
import { connectSsh } from '../../../../compose/laptop/ssh/ssh.ts'
import { startSshServer } from '../../../doubles/ssh/server.ts'
import { type Told, workOn } from '../../../fixtures/bootstrap-work.ts'

const record: BootstrapRecord = {
  began: '2026-11-23T07:00:00.000Z',
  by: 'ops@laptop',
  step: '',
  outcome: 'under way',
  code: null,
  stack: null
}

async function world(t: Test): Promise<{ work: Told; file: (name: string) => string; noted: () => unknown }> {
  const server = await startSshServer(t)
  const ssh = await connectSsh(server.plan)
  t.teardown(() => ssh.close())
  mkdirSync(server.plan.folder)
  const file = (name: string): string => join(server.plan.folder, name)
  return { work: workOn(ssh), file, noted: () => JSON.parse(readFileSync(file('site/bootstrap.json'), 'utf8')) }
}

/** Makes a file; done when it is there. */
function making(path: string, more: Partial<Awaited<ReturnType<Step['plan']>>> = {}): Step {
  return {
    name: 'making',
    remains: 'a file',
    plan: async () => ({
      actions: existsSync(path) ? [] : [{ run: ['touch', path] }, ...(more.actions ?? [])],
      undo: more.undo ?? []
    })
  }
}

t.test('a step is done once nothing of it remains, and not again', async t => {
  const { work, file, noted } = await world(t)
  t.equal((await take(making(file('a')), work, record)).count, 1)
  t.ok(existsSync(file('a')))
  t.match(noted(), { step: 'making', outcome: 'under way', by: 'ops@laptop' })
  t.equal((await take(making(file('a')), work, record)).count, 0)
  t.match(work.said, [
    'making: under way',
    `  $ touch ${file('a')}`,
    /^making: done \(\d+ s\)$/,
    'making: done already'
  ])
})

t.test('a dry run says what it would do, and does not', async t => {
  const { work, file } = await world(t)
  t.equal((await take(making(file('a')), { ...work, orders: { ...work.orders, dryRun: true } }, record)).count, 1)
  t.notOk(existsSync(file('a')))
  t.notOk(existsSync(file('site')))
  t.match(work.said, ['making: would be done', /touch/])
})

t.test('one that fails is undone, noted, and told with what remains', async t => {
  const { work, file, noted } = await world(t)
  const step = making(file('a'), { actions: [{ run: ['false'] }], undo: [{ run: ['rm', file('a')] }] })
  await t.rejects(take(step, work, record), {
    code: 'SERVER_STEP_FAILED',
    detail: /^single: making: \$ false\nended with code 1: \nwhat remains: a file$/
  })
  t.notOk(existsSync(file('a')))
  t.match(noted(), { step: 'making', outcome: 'failed', code: 'SERVER_STEP_FAILED' })
})

t.test('one that was done and still remains is no success', async t => {
  const { work, file } = await world(t)
  const never: Step = { name: 'never', remains: '', plan: async () => ({ actions: [{ run: ['touch', file('a')] }] }) }
  await t.rejects(take(never, work, null), {
    code: 'SERVER_STEP_FAILED',
    detail: /never: it was done, and still remains/
  })
  rmSync(file('a'))
})
