import { EdgeError } from '../../../proxy/errors.ts'
import type { Action, Plan, Write } from '../bootstrap/step.ts'
import type { Facts, Os } from '../facts/facts.ts'
import { isAtLeast, leastCompose, leastEngine } from './versions.ts'

/** Docker's own; a mirror has the same folders below its own address. */
export const dockerRepository = 'https://download.docker.com/linux'
/** Where Docker's is hard to reach: Alibaba Cloud's, the same files. */
const mirrorInChina = 'https://mirrors.aliyun.com/docker-ce/linux'

/** Engine and Compose: from the distribution if it has them new enough, else from Docker. Pure. */
export function planEngine(facts: Facts, repository: string | null): Plan {
  const { engine } = facts
  if (engine.version !== null && engine.compose !== null) {
    return { actions: engine.isEnabled ? [] : [start] }
  }
  const install = facts.os.family === 'debian' ? planDebian(facts, repository) : planRhel(facts, repository)
  return { ...install, actions: [...install.actions, start] }
}

/** Whether apt does not know yet what it could install: its lists come first, and then it is asked again. */
export function isUnlisted({ os, packages, engine }: Facts): boolean {
  const isMissing = engine.version === null || engine.compose === null
  return os.family === 'debian' && isMissing && Object.keys(packages.candidates).length === 0
}

const start: Action = { run: ['systemctl', 'enable', '--now', 'docker'] }
export const refresh: Action = { run: ['apt-get', '-q', 'update'] }

function apt(...packages: readonly string[]): Action {
  // Another apt may be at work: a new server updates itself in its first minutes.
  const how = ['-o', 'DPkg::Lock::Timeout=300', '--no-install-recommends', '-y', '-q', 'install']
  return { run: ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...how, ...packages] }
}

/** Ubuntu's name for the plugin, Docker's own, Debian's. */
const composePackages = ['docker-compose-v2', 'docker-compose-plugin', 'docker-compose']

function planDebian(facts: Facts, repository: string | null): Plan {
  const { candidates, installed } = facts.packages
  const isNew = (name: string, least: string): boolean => isAtLeast(candidates[name] ?? '0', least)
  const engine = ['docker.io', 'docker-ce'].find(name => installed.includes(name)) ?? 'docker.io'
  const compose = composePackages.find(name => isNew(name, leastCompose) && !isMixed(engine, name))
  if (compose === undefined && facts.engine.version !== null) {
    const without = `it has Docker ${facts.engine.version} without Compose, and apt has none that goes with ${engine}`
    throw new EdgeError('SERVER_COMPOSE_OLD', without)
  }
  if (repository === null && isNew(engine, leastEngine) && compose !== undefined) {
    const missing = [
      ...(facts.engine.hasDocker && installed.includes(engine) ? [] : enginePackages(engine, candidates)),
      compose
    ]
    return {
      actions: [refresh, apt(...missing)],
      notes: [`from ${facts.os.name}: ${missing.map(name => `${name} ${candidates[name] ?? ''}`.trim()).join(', ')}`]
    }
  }
  const from = repository ?? dockerRepository
  const why =
    candidates[engine] === undefined
      ? 'none'
      : `Docker ${candidates[engine]}, with Compose ${candidates[compose ?? 'docker-compose'] ?? 'missing'}`
  return {
    actions: [
      refresh,
      apt('ca-certificates', 'curl'),
      { run: ['install', '-m', '755', '-d', '/etc/apt/keyrings'] },
      { run: ['curl', '-fsSL', `${from}/${facts.os.id}/gpg`, '-o', '/etc/apt/keyrings/docker.asc'] },
      aptSource(facts, from),
      refresh,
      apt('docker-ce', 'docker-ce-cli', 'containerd.io', 'docker-compose-plugin')
    ],
    notes: [`from ${from}: ${facts.os.name} itself has ${why}`]
  }
}

/** Debian's client is a package of its own since 13. */
function enginePackages(engine: string, candidates: Readonly<Record<string, string>>): string[] {
  return engine === 'docker.io' && candidates['docker-cli'] !== undefined ? [engine, 'docker-cli'] : [engine]
}

/** Docker's engine and the distribution's plugin want the same files. */
function isMixed(engine: string, compose: string): boolean {
  return (engine === 'docker-ce') !== (compose === 'docker-compose-plugin')
}

function aptSource({ os, arch }: Facts, from: string): Write {
  const architecture = arch === 'x64' ? 'amd64' : arch
  return {
    write: '/etc/apt/sources.list.d/docker.list',
    text: `deb [arch=${architecture} signed-by=/etc/apt/keyrings/docker.asc] ${from}/${os.id} ${os.codename} stable\n`,
    mode: 0o644,
    before: null
  }
}

function planRhel(facts: Facts, repository: string | null): Plan {
  const from = repository ?? (facts.os.id === 'alinux' ? mirrorInChina : dockerRepository)
  const program = facts.packages.program ?? 'dnf'
  const packages = ['docker-ce', 'docker-ce-cli', 'containerd.io', 'docker-compose-plugin']
  return {
    actions: [rpmSource(facts.os, from), { run: [program, '-y', '-q', 'install', ...packages] }],
    notes: [`from ${from}: ${facts.os.name} has none of its own`]
  }
}

/** Written out: `$releasever` is 3 on Alibaba Cloud Linux 3, and 9.4 on some, and Docker has folders for 8 and 9. */
function rpmSource({ enterprise }: Os, from: string): Write {
  const release = enterprise >= 8 && enterprise <= 10 ? enterprise : 9
  return {
    write: '/etc/yum.repos.d/docker-ce.repo',
    text: `[docker-ce-stable]
name=Docker CE
baseurl=${from}/centos/${release}/$basearch/stable
enabled=1
gpgcheck=1
gpgkey=${from}/centos/gpg
`,
    mode: 0o644,
    before: null
  }
}
