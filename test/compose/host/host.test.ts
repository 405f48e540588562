import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { checkIsOwn, readHost } from '../../../compose/host/host.ts'
import { hostFolder, settings } from '../../doubles/host-folder.ts'

const kernel = '6.1.0-13-amd64'

t.test('a server is read as it is: blanks made one, modules found, what it lacks left out', async t => {
  const facts = await readHost(await hostFolder(t))
  t.match(facts, { kernel, algorithms: ['reno', 'cubic'], memoryBytes: 2 ** 31 })
  t.match(facts.values, { 'net.ipv4.tcp_rmem': '4096 131072 6291456', 'net.core.default_qdisc': 'fq_codel' })
  t.same(facts.modules, { tcp_bbr: 'loadable', sch_fq: 'loadable' })
})

t.test('a module that others need is not one that is there; one that is loaded or built in is', async t => {
  const dep = `lib/modules/${kernel}/modules.dep`
  const host = await hostFolder(t, {
    [dep]: 'kernel/net/x.ko: kernel/net/ipv4/tcp_bbr.ko kernel/net/sched/sch_fq.ko\n'
  })
  t.same((await readHost(host)).modules, { tcp_bbr: 'absent', sch_fq: 'absent' })
  await host.write('proc/modules', 'tcp_bbr 20480 3 - Live 0x0\n')
  await host.write(`lib/modules/${kernel}/modules.builtin`, 'kernel/net/sched/sch_fq.ko\n')
  t.same((await readHost(host)).modules, { tcp_bbr: 'there', sch_fq: 'built in' })
})

t.test('without a folder of modules, the configuration of the kernel tells; without that, nothing does', async t => {
  const host = await hostFolder(t, settings({ 'kernel.osrelease': '5.10.0-custom' }))
  t.same((await readHost(host)).modules, { tcp_bbr: 'unknown', sch_fq: 'unknown' })
  await host.write('boot/config-5.10.0-custom', '\nCONFIG_TCP_CONG_BBR=y\n')
  t.same((await readHost(host)).modules, { tcp_bbr: 'built in', sch_fq: 'absent' })
  await writeFile(join(host.root, 'proc/config.gz'), gzipSync('#\nCONFIG_NET_SCH_FQ=y\n'))
  t.same((await readHost(host)).modules, { tcp_bbr: 'absent', sch_fq: 'built in' })
})

t.test('a container, another user and another system are refused, each by name', async t => {
  const host = await hostFolder(t)
  await checkIsOwn(host, 0)
  await t.rejects(checkIsOwn(host, 1_000), { code: 'LINK_TUNE_REFUSED', detail: /only root/ })
  await host.write('.dockerenv', '')
  await t.rejects(checkIsOwn(host, 0), { code: 'LINK_TUNE_REFUSED', detail: /^this is a container/ })
  await t.rejects(checkIsOwn({ ...host, root: join(host.root, 'none') }, 0), {
    code: 'LINK_TUNE_REFUSED',
    detail: /no Linux server/
  })
})

t.test(
  "a mark of a container does not count in the machine's first namespace: some images leave it behind",
  async t => {
    const host = await hostFolder(t, { 'run/.containerenv': '' })
    await host.write('proc/self/ns/other', '')
    await symlink('pid:[4026531836]', join(host.root, 'proc/self/ns/pid'))
    await checkIsOwn(host, 0)
  }
)
