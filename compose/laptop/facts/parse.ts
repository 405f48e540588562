import type { HostFacts, ModuleState } from '../../host/judgement.ts'
import { readTuning } from '../../host/tuning-file.ts'
import { memoryTotal } from '../../stack/memory.ts'
import { parseFirewall } from '../firewall/answers.ts'
import { Answers } from './answers.ts'
import type { Clock, ContainerFacts, EngineFacts, Facts, Login, Os, PackageFacts, StackFacts } from './facts.ts'
import {
  parseAddresses,
  parseDisk,
  parseFormer,
  parseListening,
  parseMemory,
  parseNginx,
  parsePublished
} from './system-answers.ts'

/** @param said stdout of `facts.sh` @param at when it was asked and when it had answered, milliseconds since 1970 */
export function parseFacts(said: string, at: { readonly asked: number; readonly answered: number }): Facts {
  const answers = new Answers(said)
  return {
    os: parseOs(answers.text('os')),
    arch: parseArch(answers.text('machine')),
    login: parseLogin(answers),
    hasSystemd: answers.get('systemd')?.code === 0,
    processors: Number(answers.text('processors')) || 1,
    memory: parseMemory(answers.text('meminfo')),
    disks: answers.every('disk').map(parseDisk),
    packages: parsePackages(answers),
    engine: parseEngine(answers),
    containers: answers.lines('containers').map(parseContainer),
    published: answers.lines('published').flatMap(parsePublished),
    listening: parseListening(answers),
    addresses: parseAddresses(answers.lines('addresses')),
    nginx: parseNginx(answers),
    former: parseFormer(answers),
    firewall: parseFirewall(answers),
    host: parseHost(answers),
    tuned: readTuning(`${answers.text('tuning')}\n`),
    clock: parseClock(answers, at),
    stack: parseStack(answers)
  }
}

const debians = ['debian', 'ubuntu']
const rhels = ['rhel', 'fedora', 'centos', 'rocky', 'almalinux', 'alinux', 'anolis', 'ol']

export function parseOs(text: string): Os {
  const value = (name: string): string => new RegExp(`^${name}=(["']?)(.*)\\1$`, 'm').exec(text)?.[2] ?? ''
  const id = value('ID')
  const kin = [id, ...value('ID_LIKE').split(' ')]
  const family = kin.some(one => debians.includes(one))
    ? 'debian'
    : kin.some(one => rhels.includes(one))
      ? 'rhel'
      : null
  const version = value('VERSION_ID')
  const platform = /platform:(?:el|al|an)(\d+)$/m.exec(value('PLATFORM_ID'))?.[1] ?? version
  const enterprise = family === 'rhel' ? Number.parseInt(platform, 10) || 0 : 0
  return { id, family, version, codename: value('VERSION_CODENAME'), name: value('PRETTY_NAME') || id, enterprise }
}

const arches: Record<string, string> = { x86_64: 'x64', amd64: 'x64', aarch64: 'arm64', arm64: 'arm64' }

function parseArch(machine: string): string {
  return arches[machine] ?? (machine || 'unknown')
}

function parseLogin(answers: Answers): Login {
  const [id = '', user = ''] = answers.text('login').split(' ')
  const [from, , , port] = answers.text('connection').split(' ')
  const isSudoer = answers.get('sudo')?.code === 0
  return {
    user,
    power: id === '0' ? 'root' : isSudoer ? 'sudo' : 'none',
    sshPort: Number(port) || null,
    from: from || null
  }
}

function parsePackages(answers: Answers): PackageFacts {
  const programs = ['apt-get', 'dnf', 'yum'] as const
  const candidates: Record<string, string> = {}
  const installed: string[] = []
  for (const [, name = '', had = '', next = ''] of answers
    .text('candidates')
    .matchAll(/^(\S+):\n +Installed: (.+)\n +Candidate: (.+)$/gm)) {
    if (next !== '(none)') candidates[name] = next
    if (had !== '(none)') installed.push(name)
  }
  // Both say which are not there as well, and then end with a code of their own.
  const rpms = answers.get('installed')?.text.matchAll(/^([a-z][a-z-]*?)-\d\S*$/gm) ?? []
  const debs = answers.get('debs')?.text.matchAll(/^installed (\S+)$/gm) ?? []
  const named = [...rpms, ...debs].map(([, name = '']) => name)
  return {
    program: programs.find(program => program === answers.text('packages')) ?? null,
    candidates,
    installed: [...new Set([...installed, ...named])]
  }
}

function parseEngine(answers: Answers): EngineFacts {
  return {
    hasDocker: answers.get('docker')?.code === 0,
    version: answers.text('engine') || null,
    compose: answers.text('compose').replace(/^v/, '') || null,
    folder: answers.text('enginefolder') || '/var/lib/docker',
    isEnabled: answers.text('enginestarts') === 'enabled'
  }
}

function parseContainer(line: string): ContainerFacts {
  const [name = '', image = '', state = '', status = '', project = '', service = '', id = '', one = ''] =
    line.split('\t')
  // One of `docker compose run`, which may have been left behind, is not the service.
  return { name, image, state, status, project, service: one === 'True' ? '' : service, id }
}

function parseHost(answers: Answers): HostFacts {
  const pairs = answers.every('setting').map(line => {
    const [name = '', value = ''] = line.split(/ = (.*)/s)
    return [name, value.trim().replace(/\s+/g, ' ')]
  })
  const states = answers.every('module').map(line => line.split(/ (.*)/) as [string, ModuleState])
  return {
    values: Object.fromEntries(pairs),
    algorithms: answers.text('algorithms').split(' ').filter(Boolean),
    modules: Object.fromEntries(states.map(([name, state]) => [name, state])),
    kernel: answers.text('kernel'),
    memoryBytes: memoryTotal(answers.text('meminfo'))
  }
}

function parseClock(answers: Answers, { asked, answered }: { asked: number; answered: number }): Clock {
  // busybox has no %N, and leaves it as it is.
  const [seconds = '', fraction = ''] = answers.text('clock').split('.')
  const there = Number(seconds) * 1_000 + (/^\d{9}$/.test(fraction) ? Number(fraction) / 1e6 : 500)
  const isSaid = (name: string): boolean | null => {
    const said = answers.text(name)
    return said === '' ? null : said === 'yes'
  }
  return {
    aheadMs: Math.round(there - (asked + answered) / 2),
    unsureMs: Math.ceil((answered - asked) / 2),
    isSynchronised: isSaid('synchronised'),
    canSynchronise: isSaid('synchronisable')
  }
}

function parseStack(answers: Answers): StackFacts {
  const rows = (name: string): [string, string][] =>
    [...(answers.get(name)?.text ?? '').matchAll(/^(\S+) +(\S+)$/gm)].map(([, one = '', other = '']) => [other, one])
  return {
    tool: answers.text('tool') || null,
    toolVersion: /"version": "(.+?)"/.exec(answers.text('toolversion'))?.[1] ?? null,
    command: answers.text('command') || null,
    files: Object.fromEntries(rows('files')),
    modes: Object.fromEntries(rows('modes')),
    before: answers.text('before') || null,
    open: [...new Set(answers.lines('owners').flatMap(openFolder))],
    record: answers.text('record') || null
  }
}

/** Of one in which others may make names but not take root's away, as /tmp, nothing is said: what is below it counts. */
function openFolder(line: string): string[] {
  const [, user, group, mode = '', path = ''] = /^(\d+) (\d+) (\d+) (.*)$/.exec(line) ?? []
  const bits = Number.parseInt(mode, 8)
  const isWritable = (bits & 0o1000) === 0 && ((bits & 0o002) !== 0 || ((bits & 0o020) !== 0 && group !== '0'))
  if (user === '0' && !isWritable) return []
  return [`${path} (${user === '0' ? `mode ${mode}` : `of user ${user}`})`]
}
