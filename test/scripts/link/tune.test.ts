import { rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { command, type Outcome, project, twinedge } from '../../doubles/command.ts'
import { type HostFolder, hostFolder } from '../../doubles/host-folder.ts'

const program = join(project, 'test/doubles/host-tune.ts')
const tuning = 'etc/sysctl.d/60-twinedge-link.conf'
const modules = 'etc/modules-load.d/twinedge-link.conf'
const algorithm = 'net.ipv4.tcp_congestion_control'
const { NODE_OPTIONS: _, ...env } = process.env

function argvFor({ root, modprobe }: HostFolder, args: readonly string[], userId = 0): string[] {
  return [process.execPath, program, root, modprobe, `${userId}`, ...args]
}

function tune(host: HostFolder, args: readonly string[], userId?: number): Promise<Outcome> {
  const [node = '', ...rest] = argvFor(host, args, userId)
  return command(node, rest, { env })
}

/** On a terminal, at which somebody types. */
function tuneAtTerminal(host: HostFolder, typed: string): Promise<Outcome> {
  const line = argvFor(host, []).join(' ')
  return command('sh', ['-c', `printf '${typed}' | script -qec '${line}' /dev/null`], { env })
}

t.test('tuned once: each change printed first with its reason, the kernel set, both files written', async t => {
  const host = await hostFolder(t)
  const { code, out } = await tune(host, ['--yes'])
  t.equal(code, 0, out)
  t.match(out, /^net\.ipv4\.tcp_congestion_control: cubic -> bbr\n {4}\w.*\.\n {4}Cost: /m)
  t.match(out, /^net\.ipv4\.tcp_rmem: 4096 131072 6291456 -> 4096 131072 16777216$/m)
  t.ok(out.indexOf(`${tuning} is written`) < out.indexOf('loaded the module tcp_bbr'), 'told before it is done')
  t.match(out, 'tune the other server too')
  t.equal(await host.setting(algorithm), 'bbr')
  t.equal(await host.setting('net.ipv4.tcp_wmem'), '4096 16384 16777216')
  t.equal(await host.setting('net.ipv4.tcp_slow_start_after_idle'), '0')
  t.match(await host.read(tuning), /^# before: net\.core\.default_qdisc = fq_codel\nnet\.core\.default_qdisc = fq$/m)
  t.match(await host.read(modules), /^tcp_bbr\nsch_fq\n/m)
})

t.test('tuned again: nothing to change; undone: as it was before the first time, and no file is left', async t => {
  const host = await hostFolder(t)
  await tune(host, ['--yes'])
  const text = await host.read(tuning)
  t.match(await tune(host, ['--yes']), { code: 0, out: /^nothing to change$/m })
  t.equal(await host.read(tuning), text)
  await host.write(`proc/sys/${algorithm.replaceAll('.', '/')}`, 'reno\n')
  t.match(await tune(host, ['--yes']), { code: 0, out: /^net\.ipv4\.tcp_congestion_control: reno -> bbr$/m })
  const { code, out } = await tune(host, ['--undo', '--yes'])
  t.equal(code, 0, out)
  t.match(out, /^net\.ipv4\.tcp_congestion_control: bbr -> cubic$/m)
  t.match(out, `/${tuning} is removed`)
  t.equal(await host.setting(algorithm), 'cubic')
  t.equal(await host.setting('net.ipv4.tcp_notsent_lowat'), '4294967295')
  t.same([await host.read(tuning), await host.read(modules)], [null, null])
  t.match(await tune(host, ['--undo', '--yes']), { code: 0, out: /^nothing to undo/m })
})

t.test('never silently: a dry run, no terminal, another user and a container change nothing', async t => {
  const host = await hostFolder(t)
  const isUntouched = async (): Promise<void> => {
    t.equal(await host.setting(algorithm), 'cubic')
    t.equal(await host.read(tuning), null)
  }
  t.match(await tune(host, ['--dry-run'], 1_000), {
    code: 0,
    out: /cubic -> bbr[\s\S]*nothing was changed: --dry-run\n$/
  })
  await isUntouched()
  t.match(await tune(host, []), { code: 1, err: /^EDGE_USAGE: .*--yes/ })
  await isUntouched()
  t.match(await tune(host, ['--yes'], 1_000), { code: 1, err: /^LINK_TUNE_REFUSED: only root[\s\S]*next: .*sudo/ })
  await isUntouched()
  await host.write('.dockerenv', '')
  t.match(await tune(host, ['--yes']), { code: 1, err: /^LINK_TUNE_REFUSED: this is a container/ })
  await isUntouched()
})

t.test('at a terminal it asks: only a yes is one', async t => {
  const host = await hostFolder(t)
  for (const typed of ['n\\n', '\\n', '']) {
    const { code, out } = await tuneAtTerminal(host, typed)
    t.equal(code, 1, out)
    t.match(out, /Do all of this\? \[y\/N\][\s\S]*nothing was changed/)
    t.equal(await host.setting(algorithm), 'cubic')
  }
  const { code, out } = await tuneAtTerminal(host, 'y\\n')
  t.equal(code, 0, out)
  t.equal(await host.setting(algorithm), 'bbr')
})

t.test('what only partly succeeds is told line by line, and no boot stumbles over the rest', async t => {
  const host = await hostFolder(t)
  const refusing = join(host.root, 'proc/sys/net/core/default_qdisc')
  await rm(refusing)
  // The kernel lets nobody write this one.
  await symlink('/proc/sys/kernel/osrelease', refusing)
  const deaf = join(host.root, 'proc/sys/net/ipv4/tcp_slow_start_after_idle')
  await rm(deaf)
  // Takes whatever it is given, and keeps nothing.
  await symlink('/dev/null', deaf)
  const { code, out } = await tune({ ...host, modprobe: 'no-such-modprobe' }, ['--yes'])
  t.equal(code, 1)
  t.match(out, /^FAILED net\.core\.default_qdisc: still /m)
  t.match(out, /^FAILED net\.ipv4\.tcp_slow_start_after_idle: the kernel made /m)
  t.match(out, /^net\.ipv4\.tcp_congestion_control = bbr$/m)
  t.match(out, /^could not load the module tcp_bbr \(there is no no-such-modprobe\)/m)
  t.equal(await host.setting(algorithm), 'bbr')
  t.notMatch(await host.read(tuning), 'default_qdisc')
  t.match(await host.read(tuning), `${algorithm} = bbr`)
  t.equal(await host.read(modules), '# Written by: twinedge link tune\ntcp_bbr\n')
})

t.test('when the files cannot be written, the kernel is left alone: an undo would know nothing', async t => {
  const host = await hostFolder(t, { etc: 'a file where a folder should be' })
  t.match(await tune(host, ['--yes']), { code: 1, err: /^EDGE_STATE_UNWRITABLE/ })
  t.equal(await host.setting(algorithm), 'cubic')
})

t.test('a file that is read later and says otherwise is told of', async t => {
  const host = await hostFolder(t, { 'etc/sysctl.d/99-sysctl.conf': `${algorithm} = cubic\n` })
  t.match((await tune(host, ['--dry-run'])).out, /^\/etc\/sysctl\.d\/99-sysctl\.conf says .* is read later/m)
})

t.test(
  'the verb: check reports this host, as text and for programs; a slip of the finger is met with a hint',
  async t => {
    // No edge runs here, whose line could be measured: that is told, and this host is looked at all the same.
    const { code, out } = await twinedge(['link', 'check', '--socket', '/nowhere/control.sock'])
    t.equal(code, 1)
    t.match(out, /^\nSETTING +NOW +WANTED\n(?:.*\n)*net\.ipv4\.tcp_congestion_control +\S/)
    const { host } = JSON.parse((await twinedge(['link', 'check', '--json', '--socket', '/nowhere/control.sock'])).out)
    t.match(host[0], { name: algorithm, state: /^(?:ok|differs|unavailable)$/ })
    t.match(await twinedge(['link', 'tun']), { code: 2, err: /did you mean tune\?/ })
  }
)

t.test('in a network namespace of its own, the kernel takes it, and takes it back', { skip: whyNot() }, async t => {
  const real = await realHost(t)
  const show = `cat /proc/sys/net/ipv4/tcp_congestion_control /proc/sys/net/ipv4/tcp_slow_start_after_idle`
  const line = (args: string[]): string => `${argvFor(real, args).join(' ')} || exit 9`
  const script = [
    // The value of this machine is not ours to change: without another namespace, nothing runs.
    `[ "$(readlink /proc/self/ns/net)" != "$1" ] || exit 8`,
    'echo reno > /proc/sys/net/ipv4/tcp_congestion_control || exit 7',
    line(['--yes']),
    `echo tuned: $(${show})`,
    line(['--undo', '--yes']),
    `echo undone: $(${show})`
  ]
  const outside = (await command('readlink', ['/proc/self/ns/net'])).out.trim()
  const before = (await command('sh', ['-c', show])).out
  const { code, out, err } = await command('unshare', ['-n', 'sh', '-c', script.join('\n'), 'sh', outside], { env })
  t.equal(code, 0, `${out}${err}`)
  t.match(out, /^tuned: bbr 0$/m)
  t.match(out, /^undone: reno 1$/m)
  t.equal((await command('sh', ['-c', show])).out, before, 'this machine is as it was')
})

t.test('where /proc/sys can only be read, as in a container, it says so', { skip: whyNot() }, async t => {
  const real = await realHost(t)
  const script = [
    'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys || exit 8',
    argvFor(real, ['--yes']).join(' ')
  ]
  // A namespace of its own for the network as well: were the refusal gone, it is there that the changes would go.
  const { code, err } = await command('unshare', ['-n', '-m', 'sh', '-c', script.join('\n')], { env })
  t.equal(code, 1, err)
  t.match(err, /^LINK_TUNE_REFUSED: this is a container/)
  t.equal(await real.read(tuning), null)
})

/** The kernel of this machine, with files of its own. */
async function realHost(t: Parameters<typeof hostFolder>[0]): Promise<HostFolder> {
  const host = await hostFolder(t)
  await rm(join(host.root, 'proc'), { recursive: true })
  await symlink('/proc', join(host.root, 'proc'))
  return host
}

function whyNot(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root, for a namespace of its own'
  return false
}
