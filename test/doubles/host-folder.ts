import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A server as files: what /proc/sys, /lib/modules and /etc show of one, below a folder of its own. */
export interface HostFolder {
  readonly root: string
  /** A program that does nothing. */
  readonly modprobe: string
  write(path: string, text: string): Promise<void>
  /** @returns null when there is no such file */
  read(path: string): Promise<string | null>
  /** A setting of the kernel, its blanks as they are. */
  setting(name: string): Promise<string | null>
}

const kernel = '6.1.0-13-amd64'

/** A stock server of 2 GB: cubic, with BBR and fq among the modules that can be loaded. */
const stock: Record<string, string> = {
  'proc/meminfo': 'MemTotal:        2097152 kB\nMemAvailable:    1500000 kB\n',
  'proc/modules': 'veth 45056 0 - Live 0x0\n',
  [`lib/modules/${kernel}/modules.builtin`]: 'kernel/net/ipv4/tcp_cubic.ko\n',
  [`lib/modules/${kernel}/modules.dep`]:
    'kernel/net/ipv4/tcp_bbr.ko.xz:\nkernel/net/sched/sch_fq.ko: kernel/net/other.ko\n',
  ...settings({
    'kernel.osrelease': kernel,
    'net.ipv4.tcp_congestion_control': 'cubic',
    'net.ipv4.tcp_available_congestion_control': 'reno cubic',
    'net.core.default_qdisc': 'fq_codel',
    'net.ipv4.tcp_slow_start_after_idle': '1',
    'net.ipv4.tcp_wmem': '4096\t16384\t4194304',
    'net.ipv4.tcp_rmem': '4096\t131072\t6291456',
    'net.ipv4.tcp_notsent_lowat': '4294967295',
    'net.ipv4.tcp_mtu_probe_floor': '48',
    'net.ipv4.tcp_mtu_probing': '0',
    'net.ipv4.tcp_sack': '1',
    'net.ipv4.tcp_window_scaling': '1'
  })
}

/** @param others files beside those of the stock server, or in their place */
export async function hostFolder(
  t: { teardown(fn: () => unknown): void },
  others: Record<string, string> = {}
): Promise<HostFolder> {
  const root = await mkdtemp(join(tmpdir(), 'twinedge-host-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  const read = (path: string): Promise<string | null> => readFile(join(root, path), 'utf8').catch(() => null)
  for (const [path, text] of Object.entries({ ...stock, ...others })) await write(path, text)
  const setting = async (name: string): Promise<string | null> =>
    (await read(`proc/sys/${name.replaceAll('.', '/')}`))?.trim() ?? null
  return { root, modprobe: 'true', write, read, setting }
}

/** @returns the files in which a kernel shows them */
export function settings(values: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`proc/sys/${name.replaceAll('.', '/')}`, `${value}\n`])
  )
}
