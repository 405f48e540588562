/** One setting of the kernel that decides how TCP does over a long, lossy line. */
export interface Setting {
  readonly name: string
  /** @returns what it should be, given what it is (blanks as single spaces) and the server's memory: the same, when it will do */
  wanted(found: string, memoryBytes: number): string
  /** One sentence: what is lost without it. */
  readonly why: string
  /** One sentence: what it takes, or whom it may hurt. */
  readonly cost: string
  /** A setting without which this one does harm: kernels that lack it are left alone. */
  readonly needs?: string
  /** The kernel module without which the value cannot be had, and the option that it is built with. */
  readonly module?: string
  readonly option?: string
}

const megabyte = 1_048_576
/** Fills 300 Mbit/s at a round trip of 200 ms: half of a buffer is data on its way, the rest bookkeeping. */
const bufferBytes = 16 * megabyte
/** The kernel's own rule for its defaults; so a server of 1 GB stops at 8 MB. */
const memoryPerBuffer = 128
/** Ten milliseconds of 100 Mbit/s: enough for a busy process to come back in time. */
const unsentBytes = 131_072
/** What a probing connection begins with anyway (net.ipv4.tcp_base_mss). */
const smallestBytes = 1_024

const buffers = {
  cost: 'A connection that has that much under way holds as much memory; net.ipv4.tcp_mem still bounds all of them together.'
}

export const settings: readonly Setting[] = [
  {
    name: 'net.ipv4.tcp_congestion_control',
    wanted: exactly('bbr'),
    why: 'cubic takes each lost packet for a jam and halves its rate; BBR sends at the rate that arrives.',
    cost: 'BBR takes a larger share than cubic where both meet at a full line, and resends more.',
    module: 'tcp_bbr',
    option: 'CONFIG_TCP_CONG_BBR'
  },
  {
    name: 'net.core.default_qdisc',
    wanted: exactly('fq'),
    why: 'It spaces out what BBR sends for less CPU than a timer for each connection, which BBR uses without it.',
    cost: 'None known; interfaces get it when they come up, so mostly at the next boot.',
    module: 'sch_fq',
    option: 'CONFIG_NET_SCH_FQ'
  },
  {
    name: 'net.ipv4.tcp_slow_start_after_idle',
    wanted: exactly('0'),
    why: 'A warm connection that has been quiet would begin again at ten packets a round trip; BBR does not, all others do.',
    cost: 'The first burst after a pause may be larger than the line takes by then.'
  },
  {
    name: 'net.ipv4.tcp_wmem',
    wanted: maximum,
    why: 'One connection has at most this much under way per round trip, whatever the line could carry (on the side that sends).',
    ...buffers
  },
  {
    name: 'net.ipv4.tcp_rmem',
    wanted: maximum,
    why: 'One connection lets the other side have at most half of this under way per round trip (on the side that receives).',
    ...buffers
  },
  {
    name: 'net.ipv4.tcp_notsent_lowat',
    wanted: atMost,
    why: 'Without it megabytes wait inside the kernel, and whatever is written after them (an event, a ping) waits for seconds.',
    cost: 'A process that writes much is woken more often: a third more CPU for large answers.'
  },
  {
    name: 'net.ipv4.tcp_mtu_probe_floor',
    wanted: atLeast,
    why: 'Probing for the size of packets takes an interruption for packets too large, and would go down to 48 bytes each.',
    cost: 'None known: no path takes less.'
  },
  {
    name: 'net.ipv4.tcp_mtu_probing',
    wanted: found => (found === '2' ? found : '1'),
    needs: 'net.ipv4.tcp_mtu_probe_floor',
    why: 'Where the line swallows large packets without a word (a tunnel, a firewall without ICMP), a connection hangs for ever.',
    cost: 'After an interruption of seconds a connection begins with packets of 1 KB, and grows back.'
  },
  {
    name: 'net.ipv4.tcp_sack',
    wanted: exactly('1'),
    why: 'Without it (some guides to hardening turn it off) the sender cannot know which packets are lost, and repairs one per round trip.',
    cost: 'None: it is the default, and what it was once turned off for (CVE-2019-11477) is mended since Linux 5.2.'
  },
  {
    name: 'net.ipv4.tcp_window_scaling',
    wanted: exactly('1'),
    why: 'Without it no connection has more than 64 KB under way per round trip, on whichever side it is off.',
    cost: 'None: it is the default.'
  }
]

function exactly(value: string): Setting['wanted'] {
  return () => value
}

/** The third of three numbers: the first two are where a connection begins, and stay. */
function maximum(found: string, memoryBytes: number): string {
  const [least = '4096', first = '131072', most = '0'] = found.split(' ')
  const affordable = Math.floor(memoryBytes / memoryPerBuffer / megabyte) * megabyte
  const wanted = Math.min(bufferBytes, affordable)
  return Number(most) >= wanted ? found : [least, first, wanted].join(' ')
}

function atMost(found: string): string {
  return Number(found) <= unsentBytes ? found : String(unsentBytes)
}

function atLeast(found: string): string {
  return Number(found) >= smallestBytes ? found : String(smallestBytes)
}
