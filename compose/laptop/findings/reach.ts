import type { ServerCheck, Told } from '../doctor/finding.ts'
import type { Facts } from '../facts/facts.ts'
import { onServer } from '../plan/commands.ts'

/** Nothing else can be told of a server that is not reached. */
export const reachChecks: readonly ServerCheck[] = [
  {
    id: 'server-unreachable',
    about: 'ssh gets there',
    severity: 'fault',
    look: ({ unreachable, plan }) =>
      unreachable === null
        ? []
        : [
            {
              what: `ssh does not get to ${plan.ssh}`,
              seen: `${unreachable.code}: ${unreachable.detail}`,
              mend: unreachable.next.replaceAll('DESTINATION', plan.ssh)
            }
          ]
  },
  {
    id: 'tool-missing',
    about: 'the tool there answers',
    severity: 'fault',
    look: ({ toolFailure, unreachable, plan }) => {
      if (unreachable !== null) return null
      if (toolFailure === null) return []
      const { code, detail, next } = toolFailure
      const mend = code.startsWith('SERVER_TOOL_') ? `twinedge bootstrap ${plan.name}` : next
      return [{ what: 'the tool on the server does not answer', seen: `${code}: ${detail}`, mend }]
    }
  },
  {
    id: 'engine-down',
    about: 'the Docker engine answers',
    severity: 'fault',
    look: ({ facts, plan }) => {
      if (facts === null) return null
      const { hasDocker, version } = facts.engine
      if (version !== null) return []
      if (!hasDocker) {
        return [{ what: 'there is no Docker', seen: 'docker --version', mend: `twinedge bootstrap ${plan.name}` }]
      }
      return [
        {
          what: 'the Docker engine does not answer',
          seen: 'docker version',
          mend: onServer(plan.name, 'systemctl restart docker')
        }
      ]
    }
  },
  {
    id: 'engine-sleeps',
    about: 'the engine starts at boot',
    severity: 'warning',
    look: ({ facts, plan }) => {
      if (facts === null || !facts.hasSystemd || facts.engine.version === null) return null
      if (facts.engine.isEnabled) return []
      return [
        {
          what: 'after a reboot nothing would serve: the engine does not start by itself',
          seen: 'systemctl is-enabled docker',
          mend: onServer(plan.name, 'systemctl enable docker')
        }
      ]
    }
  },
  {
    id: 'stack-missing',
    about: 'the stack is there',
    severity: 'fault',
    look: ({ tool, plan }) => {
      if (tool === null) return null
      const { failure } = tool.looked
      if (failure?.code !== 'COMPOSE_NO_STACK') return []
      return [
        { what: 'no stack was ever brought up there', seen: failure.detail, mend: `twinedge bootstrap ${plan.name}` }
      ]
    }
  },
  {
    id: 'old-edge-left',
    about: 'nothing of the old set-up is left: nginx, pm2, certbot',
    severity: 'warning',
    look: ({ facts, plan }) => {
      if (facts === null) return null
      return [...nginxLeft(facts, plan.name), ...pm2Left(facts, plan.name), ...certbotLeft(facts, plan.name)]
    }
  }
]

function nginxLeft({ nginx, listening }: Facts, server: string): Told[] {
  const ports = listening.flatMap(({ program, port }) => (program === 'nginx' ? [`nginx on port ${port}`] : []))
  const isService = nginx !== null && (nginx.isActive || nginx.isEnabled)
  if (!isService && ports.length === 0) return []
  return [
    {
      what: 'the nginx of before still runs, or starts at the next boot, and would take the ports',
      seen: [...(isService ? [`nginx ${nginx.isActive ? 'runs' : 'is enabled'}`] : []), ...new Set(ports)].join('; '),
      mend: isService
        ? onServer(server, 'systemctl disable --now nginx')
        : `${onServer(server, 'pkill -o -x nginx')}; no service of systemd's has started it: see what else does`
    }
  ]
}

function pm2Left({ former: { pm2 } }: Facts, server: string): Told[] {
  if (pm2.length === 0) return []
  return [
    {
      what: 'PM2 still runs what Docker runs now, or what is none of this site',
      seen: `below PM2: ${pm2.join('; ')}`,
      mend: `${onServer(server, 'pm2 ls')}; then pm2 delete NAME of those of this site alone, and pm2 save`
    }
  ]
}

function certbotLeft({ former: { certbot } }: Facts, server: string): Told[] {
  return certbot.map(timer => ({
    what: 'certbot still goes for certificates, for which it would take port 80',
    seen: `systemctl list-unit-files: ${timer} is enabled`,
    mend: onServer(server, `systemctl disable --now ${timer}`)
  }))
}
