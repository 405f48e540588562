import t from 'tap'
import { type HostFacts, type Judgement, judgeHost } from '../../../compose/host/judgement.ts'
import { settings } from '../../../compose/host/settings.ts'

const gigabyte = 1_073_741_824
const facts: HostFacts = {
  values: {
    'net.ipv4.tcp_congestion_control': 'cubic',
    'net.core.default_qdisc': 'fq_codel',
    'net.ipv4.tcp_wmem': '4096 16384 4194304',
    'net.ipv4.tcp_rmem': '4096 131072 33554432',
    'net.ipv4.tcp_notsent_lowat': '4294967295'
  },
  algorithms: ['reno', 'cubic'],
  modules: { tcp_bbr: 'loadable', sch_fq: 'absent' },
  kernel: '6.1.0',
  memoryBytes: 4 * gigabyte
}

function judged(name: string, other: Partial<HostFacts> = {}): Judgement {
  return judgeHost({ ...facts, ...other }).find(one => one.name === name)!
}

t.test('what can be had and is not set differs; what is set is ok', async t => {
  t.match(judged('net.ipv4.tcp_congestion_control'), { state: 'differs', found: 'cubic', wanted: 'bbr' })
  const values = { 'net.ipv4.tcp_congestion_control': 'bbr' }
  t.match(judged('net.ipv4.tcp_congestion_control', { values }), { state: 'ok', found: 'bbr', wanted: 'bbr' })
})

t.test('an algorithm that the kernel lists needs no module', async t => {
  const algorithms = ['reno', 'bbr']
  t.equal(judged('net.ipv4.tcp_congestion_control', { modules: { tcp_bbr: 'absent' }, algorithms }).state, 'differs')
})

t.test('what cannot be had says why: no module, nowhere to look, no such setting', async t => {
  const name = 'net.ipv4.tcp_congestion_control'
  const why = (other: Partial<HostFacts>): string => {
    const { state, why } = judged(name, other)
    return `${state}: ${why}`
  }
  t.match(why({ modules: { tcp_bbr: 'absent' } }), /^unavailable: kernel 6\.1\.0 was built or installed without bbr/)
  t.match(why({ modules: {} }), /^unavailable: whether kernel 6\.1\.0 has bbr .* cannot be seen/)
  t.match(why({ values: {} }), 'unavailable: kernel 6.1.0 has no such setting')
  t.match(judged('net.core.default_qdisc'), { state: 'unavailable', found: 'fq_codel', wanted: 'fq' })
})

t.test('buffers grow to what the memory allows, keep where a connection begins, and never shrink', async t => {
  const most = (memoryBytes: number): string | null => judged('net.ipv4.tcp_wmem', { memoryBytes }).wanted
  t.equal(most(4 * gigabyte), '4096 16384 16777216')
  t.equal(most(gigabyte), '4096 16384 8388608')
  t.equal(most(gigabyte / 4), '4096 16384 4194304', 'a small server keeps what it has')
  t.match(judged('net.ipv4.tcp_rmem'), { state: 'ok', wanted: '4096 131072 33554432' })
})

t.test('less left unsent than asked for will do', async t => {
  const name = 'net.ipv4.tcp_notsent_lowat'
  t.match(judged(name), { state: 'differs', wanted: '131072' })
  t.match(judged(name, { values: { [name]: '16384' } }), { state: 'ok', wanted: '16384' })
})

t.test('probing for the size of packets is left alone where it could go down to 48 bytes', async t => {
  const [probing, floor] = ['net.ipv4.tcp_mtu_probing', 'net.ipv4.tcp_mtu_probe_floor']
  t.match(judged(probing, { values: { [probing]: '0' } }), { state: 'unavailable', why: /^without .*_floor/ })
  t.match(judged(probing, { values: { [probing]: '0', [floor]: '48' } }), { state: 'differs', wanted: '1' })
  t.match(judged(probing, { values: { [probing]: '2', [floor]: '48' } }), { state: 'ok' })
  t.match(judged(floor, { values: { [floor]: '48' } }), { state: 'differs', wanted: '1024' })
  t.match(judged(floor, { values: { [floor]: '1200' } }), { state: 'ok' })
})

t.test('every setting says in one sentence why, and what it costs', async t => {
  for (const { name, why, cost } of settings) {
    t.match(why, /^[^.].{20,180}\.$/, name)
    t.match(cost, /^.{4,180}\.$/, name)
  }
})
