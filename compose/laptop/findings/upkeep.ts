import { recordOf } from '../bootstrap/record.ts'
import { edgeOf, stackOf } from '../doctor/evidence.ts'
import type { ServerCheck, SiteCheck } from '../doctor/finding.ts'
import type { Facts } from '../facts/facts.ts'
import { isAtLeast, leastCompose, leastEngine } from '../packages/versions.ts'
import { onServer } from '../plan/commands.ts'
import { deploysOf, unfinishedOf } from '../site/deploys.ts'

/** No deploy takes so long, not even over a bad line. */
const longMs = 7_200_000

export const upkeepChecks: readonly ServerCheck[] = [
  {
    id: 'env-missing',
    about: '`.env` is there',
    severity: 'fault',
    look: ({ tool, plan }) => {
      const environment = tool?.examined?.environment
      if (environment === undefined) return null
      if (environment.isThere) return []
      return [{ what: 'there is no .env', seen: `${plan.folder}/.env`, mend: `twinedge bootstrap ${plan.name}` }]
    }
  },
  {
    id: 'env-fault',
    about: '`.env` has no faults: origins, CORS, secrets, ports',
    severity: 'fault',
    look: ({ tool, plan }) => {
      const environment = tool?.examined?.environment
      if (environment === undefined || !environment.isThere) return null
      return environment.faults.map(({ name, found, expected }) => ({
        what: `${name} in .env is wrong`,
        seen: `found ${found}; expected ${expected}`,
        mend: `mend ${plan.envFile}, then: twinedge bootstrap ${plan.name}`
      }))
    }
  },
  {
    id: 'preflight-refused',
    about: "the stack's own check of `.env` has passed",
    severity: 'fault',
    look: ({ tool, plan }) => {
      const preflight = tool?.examined?.containers.find(({ service }) => service === 'preflight')
      if (preflight === undefined) return null
      if (preflight.state !== 'exited' || preflight.exitCode === 0) return []
      const said = preflight.lastLines.filter(line => line.trim() !== '').slice(0, 3)
      return [
        {
          what: 'docker compose up is refused: the check of .env has failed',
          seen: `preflight, exit code ${preflight.exitCode}: ${said.join(' | ')}`,
          mend: `mend ${plan.envFile}, then: twinedge bootstrap ${plan.name}`
        }
      ]
    }
  },
  {
    id: 'change-unfinished',
    about: 'no swap was left unfinished',
    severity: 'fault',
    look: one => {
      const stack = stackOf(one)
      if (stack === null) return null
      const { changing } = stack
      if (changing === null || changing.state !== 'unfinished') return []
      const { what, who, since, step } = changing
      const seen = `twinedge status: begun by ${who} at ${since}, left at ${step}`
      const mend = `twinedge slots settle --server ${one.plan.name}`
      return [{ what: `${what} was left unfinished`, seen, mend }]
    }
  },
  {
    id: 'bootstrap-unfinished',
    about: 'no bootstrap was left unfinished',
    severity: 'warning',
    look: ({ facts, plan }) => {
      if (facts === null) return null
      const record = recordOf(facts)
      if (record === null || record.outcome === 'done') return []
      const { step, by, began, outcome, code } = record
      const seen = `begun by ${by} at ${began}: ${outcome} at "${step}"${code === null ? '' : `, ${code}`}`
      return [{ what: 'a bootstrap was left unfinished', seen, mend: `twinedge bootstrap ${plan.name}` }]
    }
  },
  {
    id: 'engine-old',
    about: 'Docker and Compose are new enough',
    severity: 'fault',
    look: ({ facts, plan }) => {
      if (facts === null || facts.engine.version === null) return null
      const { version, compose } = facts.engine
      const old = [
        ...(isAtLeast(version, leastEngine) ? [] : [`engine ${version}, ${leastEngine} is the least`]),
        ...(isAtLeast(compose ?? '0', leastCompose)
          ? []
          : [`Compose ${compose ?? 'none'}, ${leastCompose} is the least`])
      ]
      if (old.length === 0) return []
      return [{ what: 'Docker is too old', seen: old.join('; '), mend: upgrade(plan.name, facts) }]
    }
  },
  {
    id: 'tool-differs',
    about: "the tool there is this laptop's",
    severity: 'warning',
    look: ({ tool, facts, plan }, { laptop }) => {
      if (tool === null) return null
      const there = facts?.stack.tool ?? null
      // Another kind of name is a developer's own link.
      const isOther = there?.startsWith('tool-') === true && there !== laptop.tool
      if (tool.version === laptop.version && !isOther) return []
      const seen = `there ${tool.version} (${there ?? 'unknown'}), here ${laptop.version} (${laptop.tool})`
      return [{ what: "the tool on the server is not this laptop's", seen, mend: `twinedge bootstrap ${plan.name}` }]
    }
  },
  {
    id: 'files-differ',
    about: "the compose files there are this laptop's",
    severity: 'warning',
    look: ({ facts, plan }, { laptop }) => {
      if (facts === null) return null
      const there = Object.entries(facts.stack.files).filter(([name]) => name in laptop.files)
      if (there.length === 0) return null
      const others = there.filter(([name, hash]) => laptop.files[name] !== hash).map(([name]) => name)
      if (others.length === 0) return []
      return [
        {
          what: `${others.join(', ')} there differs from here`,
          seen: 'sha256sum',
          mend: `twinedge bootstrap ${plan.name}`
        }
      ]
    }
  }
]

/** By the way in which it was installed: a bootstrap leaves what is somebody's. */
function upgrade(name: string, { packages, engine }: Facts): string {
  if (packages.program !== 'apt-get')
    return onServer(name, `${packages.program ?? 'dnf'} -y upgrade docker-ce docker-compose-plugin`)
  const own = ['docker-ce', 'docker.io', 'docker-compose-plugin', 'docker-compose-v2', 'docker-compose']
  const there = own.filter(one => packages.installed.includes(one))
  const names = there.length > 0 ? there : [engine.compose === null ? 'docker.io' : 'docker-ce docker-compose-plugin']
  return onServer(name, `apt-get install -y --only-upgrade ${names.join(' ')}`)
}

export const unfinishedDeploy: SiteCheck = {
  id: 'deploy-unfinished',
  about: 'no deploy was left unfinished',
  severity: 'fault',
  look: ({ servers, nowMs }) => {
    const records = servers.flatMap(({ tool }) => tool?.records ?? [])
    if (records.length === 0) return null
    const holder = records.map(one => one.holder).find(one => one !== null) ?? null
    const left = unfinishedOf(deploysOf(records.map(({ lines }) => lines)))
    if (holder !== null) {
      if (nowMs - Date.parse(holder.since) < longMs) return []
      const seen = `twinedge status: "${holder.verb}" since ${holder.since}, at ${holder.step}`
      const mend = 'end it there, by Ctrl-C; the servers are free 45 s later'
      return [{ what: `${holder.who} holds both servers`, seen, mend, severity: 'warning' }]
    }
    if (left === null) return []
    const seen = `twinedge history: begun by ${left.who} at ${left.at}, and no end of it`
    const mend = 'twinedge deploy --finish; or, to undo it: twinedge rollback'
    return [{ what: `${left.verb} ${left.number} was left unfinished`, seen, mend }]
  }
}

export const sameEdges: SiteCheck = {
  id: 'edges-differ',
  about: 'both edges are of the same version',
  severity: 'warning',
  look: ({ servers }) => {
    const edges = servers.flatMap(one => {
      const version = edgeOf(one)?.version
      return version === undefined ? [] : [{ name: one.plan.name, version }]
    })
    const [one, other] = edges
    if (one === undefined || other === undefined) return null
    if (one.version === other.version) return []
    const older = isAtLeast(one.version, other.version) ? other : one
    const seen = edges.map(({ name, version }) => `${name} ${version}`).join(', ')
    return [{ what: 'the two edges are of different versions', seen, mend: `twinedge bootstrap ${older.name}` }]
  }
}
