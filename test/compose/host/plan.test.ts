import t from 'tap'
import { undoneAtBoot } from '../../../compose/host/boot-order.ts'
import type { HostFacts } from '../../../compose/host/judgement.ts'
import { filesOf, planTuning, planUndo, without } from '../../../compose/host/plan.ts'
import { settings } from '../../../compose/host/settings.ts'
import { readTuning, type Tuned, tuningText } from '../../../compose/host/tuning-file.ts'

const algorithm = 'net.ipv4.tcp_congestion_control'
const idle = 'net.ipv4.tcp_slow_start_after_idle'
const facts = (values: Record<string, string>): HostFacts => ({
  values,
  algorithms: ['reno', 'cubic'],
  modules: { tcp_bbr: 'loadable' },
  kernel: '6.1.0',
  memoryBytes: 2 ** 30
})

t.test('the first value before any tuning is the one that is kept', async t => {
  const had = [{ name: algorithm, before: 'cubic', value: 'bbr' }]
  const { changes, tuned } = planTuning(facts({ [algorithm]: 'reno', [idle]: '1' }), had)
  t.match(changes, [
    { name: algorithm, from: 'reno', to: 'bbr' },
    { name: idle, from: '1', to: '0' }
  ])
  t.same(tuned, [
    { name: algorithm, before: 'cubic', value: 'bbr' },
    { name: idle, before: '1', value: '0' }
  ])
})

t.test('what an earlier run has tuned stays in the file when another setting is tuned', async t => {
  const had = [{ name: algorithm, before: 'cubic', value: 'bbr' }]
  const { changes, tuned, modules } = planTuning(facts({ [algorithm]: 'bbr', [idle]: '1' }), had)
  t.same(
    changes.map(({ name }) => name),
    [idle]
  )
  t.same(
    tuned.map(({ name }) => name),
    [algorithm, idle]
  )
  t.same(modules, ['tcp_bbr'])
})

t.test('what cannot be had is no change, and is told', async t => {
  const plan = planTuning({ ...facts({ [algorithm]: 'cubic' }), modules: { tcp_bbr: 'absent' } }, [])
  t.same([plan.changes, plan.tuned, plan.modules], [[], [], []])
  t.match(
    plan.left.find(line => line.startsWith(algorithm)),
    /without bbr/
  )
})

t.test('an undo puts back what is still as it was tuned, and leaves what somebody has set since', async t => {
  const had = [
    { name: algorithm, before: 'cubic', value: 'bbr' },
    { name: idle, before: '1', value: '0' }
  ]
  const plan = planUndo(facts({ [algorithm]: 'reno', [idle]: '0' }), had)
  t.match(plan.changes, [{ name: idle, from: '0', to: '1' }])
  t.same(plan.left, [`${algorithm}: reno, set since by somebody else`])
  t.same(
    filesOf(plan).map(({ text }) => text),
    [null, null],
    'both files go'
  )
  t.same(planUndo(facts({ [algorithm]: 'cubic' }), had).left, [], 'what is as it was needs nothing')
})

t.test('what the file says is read back; a line that was not tuned has nothing to be put back to', async t => {
  const tuned: Tuned[] = [
    { name: algorithm, before: 'cubic', value: 'bbr' },
    { name: 'net.ipv4.tcp_rmem', before: '4096 131072 6291456', value: '4096 131072 16777216' }
  ]
  const text = tuningText(tuned, settings)
  t.same(readTuning(text), tuned)
  t.match(text, new RegExp(`^# before: ${algorithm} = cubic\n${algorithm} = bbr$`, 'm'))
  t.same(readTuning(`${text}\nvm.swappiness = 1\n# before: a.b = 1\nc.d = 2\n`), tuned)
})

t.test('a setting that failed is not left for the next boot to stumble over, nor is its module', async t => {
  const plan = planTuning(facts({ [algorithm]: 'cubic', [idle]: '1' }), [])
  t.same(plan.modules, ['tcp_bbr'])
  const rest = without(plan, [algorithm])
  t.same([rest.tuned.map(({ name }) => name), rest.modules], [[idle], []])
})

t.test('a file that is read later and says otherwise is named; others are not', async t => {
  const tuned = [{ name: algorithm, before: 'cubic', value: 'bbr' }]
  const other = `  -net/ipv4/tcp_congestion_control=cubic\n# ${algorithm} = reno\n`
  const said = (path: string, text = other): string[] => undoneAtBoot([{ path, text }], tuned)
  t.match(said('/etc/sysctl.d/99-sysctl.conf'), [
    /^\/etc\/sysctl\.d\/99-sysctl\.conf says .*_control = cubic and is read/
  ])
  t.equal(said('/etc/sysctl.conf').length, 1)
  t.same(said('/usr/lib/sysctl.d/50-default.conf'), [], 'read earlier')
  t.same(said('/etc/sysctl.d/99-x.conf', `${algorithm} = bbr\nvm.swappiness = 1\n`), [], 'says the same')
})
