import { EdgeError, type FailureCode } from '../../../proxy/errors.ts'
import type { ServerName, ServerPlan } from './site.ts'

/** A command on a server, as it is typed on the laptop. */
export function onServer(name: string, command: string): string {
  return `twinedge exec server --server ${name} -- ${command}`
}

/** What works on any server alike, or finds its server by itself, needs no --server. */
const besideEdge =
  /(?<![/\w-]|-- )(?:sudo )?(twinedge (?:certs (?:renew|import)|link(?: (?:pair|rotate|check|tune))?|slots settle|reload|standby|metrics|log-level|health))(?! (?:\w+ )?--server)(?![\w-])/g
/** Programs of a server. Text goes on behind them, and may have named them as an example. */
const ofServer =
  /(?<!-- )\b(?=(?:docker (?:compose|image|load|login|system)|systemctl|journalctl|timedatectl|df -h|dmesg|ss -ltnp)\b)/g

/** What is typed on a server, and what does the same from a laptop. In this order. */
const rewritten: readonly (readonly [RegExp, (name: string) => string])[] = [
  [/; on a laptop: go to the folder of deploy\.yaml, or name it: --site FILE$/g, () => ''],
  [
    /(?:on a laptop: .*; on a server: )?docker compose up -d, or name another stack: --project NAME/g,
    name => `twinedge bootstrap ${name}`
  ],
  [/(?:twinedge run, or )?docker compose up -d edge\b/g, name => `twinedge restart edge --server ${name}`],
  [/docker compose up -d (?:web|api)-\w+; or, from a laptop: (?=twinedge deploy)/g, () => ''],
  [/docker compose up -d (?=(?:web|api)-)/g, () => 'twinedge restart '],
  [/(?<=twinedge restart (?:web|api))-(?:blue|green)\b/g, () => ''],
  [/docker compose logs edge\b/g, () => 'twinedge logs edge'],
  [/docker compose logs SERVICE\b/g, () => 'twinedge logs'],
  [/ in \.env\b(?! there)/g, name => ` in .env there (${onServer(name, 'vi .env')})`],
  // Where there is a deploy.yaml, nobody writes an edge's configuration by hand.
  [
    /(?:on \w+|here): give upstreams\.web slots of its own, and else: peer/g,
    () => 'standby: backend in deploy.yaml; then: twinedge bootstrap backend; twinedge deploy --frontend-only'
  ],
  [/\bSERVER\b/g, name => name]
]

/**
 * A next step, as a server or the row of a failure says it to whoever is logged in there, for who reads it on a laptop
 * with a deploy.yaml: each command in it works from there.
 */
export function nextAt(name: ServerName, next: string): string {
  const plain = rewritten.reduce((text, [pattern, by]) => text.replace(pattern, () => by(name)), next)
  return plain
    .replace(besideEdge, (_, command: string) => `${command} --server ${name}`)
    .replace(/(?<=--server \w+), on both servers/g, ', and on the other one')
    .replace(ofServer, () => onServer(name, ''))
}

/** As a server has failed: its next step is one for the laptop. */
class FailureThere extends EdgeError {
  readonly #server: ServerName

  constructor(server: ServerName, code: FailureCode, detail: string) {
    super(code, `${server}: ${detail}`)
    this.#server = server
  }

  override get next(): string {
    return nextAt(this.#server, super.next)
  }
}

export function failureAt(server: Pick<ServerPlan, 'name'>, said: { code: FailureCode; detail: string }): EdgeError {
  return new FailureThere(server.name, said.code, said.detail)
}

/** As this laptop has failed at a server: its next step names that one. */
class FailureAbout extends EdgeError {
  readonly #name: string
  readonly #destination: string

  constructor(code: FailureCode, detail: string, { name, destination }: { name: string; destination: string }) {
    super(code, detail)
    this.#name = name
    this.#destination = destination
  }

  override get next(): string {
    const named = super.next.replaceAll(/(?<=\bssh )SERVER\b|\bDESTINATION\b/g, () => this.#destination)
    return named.replaceAll(/\bSERVER\b/g, () => this.#name)
  }
}

/** @param destination what stands behind `ssh`, where that is more than deploy.yaml has */
export function failureOf(
  { name, ssh }: Pick<ServerPlan, 'name' | 'ssh'>,
  code: FailureCode,
  detail: string,
  destination = ssh
): EdgeError {
  return new FailureAbout(code, detail, { name, destination })
}
