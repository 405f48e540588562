import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { ServerName, ServerPlan } from '../../../compose/laptop/plan/site.ts'
import { freePorts } from '../ports.ts'

const sshd = '/usr/sbin/sshd'

/** Why the tests over ssh cannot run here, in one line; '' when they can. */
export const sshMissing = existsSync(sshd) ? '' : `no ${sshd} here: apt-get install openssh-server openssh-client`

/** A real OpenSSH server on this machine, on a port of its own, with keys made for it; this user logs in. */
export interface SshServer {
  /** As deploy.yaml would have it, with a folder of its own. */
  readonly plan: ServerPlan
  readonly port: number
  /** Where its keys, its log and the client's files lie: config, known_hosts, id, id.pub, host, host.pub, log. */
  readonly folder: string
  /** Ends every connection, as a server does that dies. */
  kill(): void
  /** Ends every connection, as a bad line does: what was begun over it is another's affair. */
  cut(): void
  start(): Promise<void>
}

interface Owner {
  teardown(stop: () => unknown): void
}

/** Where the server is, if not here: what one puts before a program so that it runs there, and before one of the client's. */
export interface SshPlace {
  readonly address: string
  readonly command: readonly string[]
  readonly client: readonly string[]
  /** Of whoever logs in, in place of this user's own: a path. */
  readonly shell?: string
}

export const here: SshPlace = { address: '127.0.0.1', command: [], client: [] }

/**
 * Its home is the server's own: what this user's shell reads at every login is none of a test's business.
 * @param environment of whatever a login runs: DOCKER_HOST, where an engine of the test's own is the server's
 */
export async function startSshServer(
  t: Owner,
  name: ServerName = 'single',
  environment: Readonly<Record<string, string>> = {},
  place = here
): Promise<SshServer> {
  const folder = mkdtempSync(join(tmpdir(), 'te-sshd-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = (name: string): string => join(folder, name)
  for (const key of ['id', 'host'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', key, '-f', file(key)])
  const [port = 0] = await freePorts(1)
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  writeFileSync(file('authorized_keys'), readFileSync(file('id.pub')), { mode: 0o600 })
  writeFileSync(file('sshd_config'), serverConfig(place, port, file) + setEnv({ HOME: folder, ...environment }))
  writeFileSync(file('known_hosts'), `[${place.address}]:${port} ${readFileSync(file('host.pub'), 'utf8')}`)
  writeFileSync(file('config'), clientConfig(name, place, port, file), { mode: 0o600 })
  let child: ReturnType<typeof spawn> | null = null
  let gone: Promise<unknown> = Promise.resolve()
  // sshd's children have groups of their own: each connection's process goes by its parent.
  const kill = (): void => endTree(child?.pid)
  const cut = (): void => endTree(child?.pid, pid => /^sshd/.test(ofProcess(pid, 'comm')))
  const start = async (): Promise<void> => {
    // Until the one before has gone, it has the port; what it has begun may have it a little longer.
    await gone
    for (let tries = 0, isUp = false; !isUp; tries++) {
      if (tries > 50) throw new Error(`sshd does not start on ${port}`)
      const [program = sshd, ...args] = [...place.command, sshd, '-D', '-e', '-f', file('sshd_config')]
      const next = spawn(program, args, { stdio: ['ignore', 'ignore', 'ignore'] })
      gone = new Promise(resolve => next.once('exit', resolve))
      child = next
      const up = (place.command.length === 0 ? listening(port) : listeningAt(place, port)).then(() => true)
      isUp = await Promise.race([up, gone.then(() => pause(20, false))])
    }
  }
  t.teardown(kill)
  await start()
  const plan: ServerPlan = {
    name,
    ssh: name,
    key: null,
    sshConfig: file('config'),
    address: place.address,
    folder: file('stack'),
    envFile: file('.env')
  }
  return { plan, port, folder, kill, cut, start }
}

function serverConfig({ address, shell }: SshPlace, port: number, file: (name: string) => string): string {
  return `ListenAddress ${address}:${port}
HostKey ${file('host')}
AuthorizedKeysFile ${file('authorized_keys')}
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
MaxSessions 100
${shell === undefined ? '' : `ForceCommand exec ${shell} -c "$SSH_ORIGINAL_COMMAND"\n`}`
}

function setEnv(environment: Readonly<Record<string, string>>): string {
  const all = Object.entries(environment).map(([name, value]) => `"${name}=${value}"`)
  return all.length === 0 ? '' : `SetEnv ${all.join(' ')}\n`
}

function clientConfig(
  name: string,
  { address, client }: SshPlace,
  port: number,
  file: (name: string) => string
): string {
  const relay = client.length > 0 ? `  ProxyCommand ${client.join(' ')} ${relayTo(address, port).join(' ')}\n` : ''
  return `Host ${name}
  HostName ${address}
  Port ${port}
  User ${userInfo().username}
  IdentityFile ${file('id')}
  IdentitiesOnly yes
  UserKnownHostsFile ${file('known_hosts')}
  GlobalKnownHostsFile /dev/null
${relay}`
}

function endTree(pid: number | undefined, isMeant = (_: number): boolean => true): void {
  if (pid === undefined || !isMeant(pid)) return
  const children = ofProcess(pid, `task/${pid}/children`).split(' ').filter(Boolean)
  for (const child of children) endTree(Number(child), isMeant)
  try {
    process.kill(pid, 'SIGKILL')
  } catch {} // it went with its parent
}

/** Of one that may have gone meanwhile: nothing. */
function ofProcess(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

/** Bash alone. */
function relayTo(address: string, port: number): string[] {
  return ['bash', '-c', `'exec 3<>/dev/tcp/${address}/${port}; cat <&3 & cat >&3'`]
}

async function listeningAt({ command, address }: SshPlace, port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const [program = '', ...args] = [...command, 'bash', '-c', `exec 3<>/dev/tcp/${address}/${port}`]
    if (spawnSync(program, args, { stdio: 'ignore' }).status === 0) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  throw new Error(`sshd does not listen on ${address}:${port}`)
}

async function listening(port: number): Promise<void> {
  const { connect } = await import('node:net')
  for (let tries = 0; tries < 200; tries++) {
    const isOpen = await new Promise(resolve => {
      const socket = connect(port, '127.0.0.1', () => {
        resolve(true)
        socket.destroy()
      })
      // One that is given up has no error, and on a busy machine the timer may be heard before the connection is.
      socket.on('error', () => {}).on('close', () => resolve(false))
      setTimeout(() => socket.destroy(), 1_000).unref()
    })
    if (isOpen) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  throw new Error(`sshd does not listen on ${port}`)
}
