import { isIP } from 'node:net'
import type { Field } from '../../../proxy/config/fields.ts'
import { choice } from '../../../proxy/config/kinds/amounts.ts'
import { domain } from '../../../proxy/config/kinds/hosts.ts'
import type { Kind } from '../../../proxy/config/kinds/kind.ts'
import { filePath, requestPath, text } from '../../../proxy/config/kinds/texts.ts'
import { projectName } from '../../env/kinds.ts'

/** What ssh connects to. It must not be taken for an option, and needs no quotes. */
const destination: Kind<string> = {
  name: 'destination',
  expected: 'what ssh takes: user@host, ssh://user@host:port, or a host of its config',
  read: written => (/^[^\s'"\\\p{Cc}-][^\s'"\\\p{Cc}]*$/u.test(written) ? written : undefined)
}

const address: Kind<string> = {
  name: 'IP address',
  expected: 'an IP address, such as 203.0.113.7',
  read: written => (isIP(written) === 0 ? undefined : written)
}

/** On the server; quoted wherever it goes, but a tired person types it, too. */
const serverFolder: Kind<string> = {
  name: 'folder',
  expected: 'a folder on the server, such as /opt/twinedge',
  read: written => (/^\/(?!\/)[\w./-]+[\w-]$/.test(written) && !written.includes('..') ? written : undefined)
}

/** In a registry. */
const repository: Kind<string> = {
  name: 'image',
  expected: 'an image without a tag, such as registry.example.com/team/web',
  read: written => (/^[a-z0-9][a-z0-9.-]*(?::\d+)?(?:\/[a-z0-9][a-z0-9._-]*)+$/.test(written) ? written : undefined)
}

const argument: Kind<readonly [string, string]> = {
  name: 'build argument',
  expected: 'NAME=VALUE, such as API_APP=app.main:app',
  read: written => {
    const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(written) ?? []
    return name === undefined || value === undefined ? undefined : [name, value]
  }
}

const none = null

/** deploy.yaml: its rows are its documentation, its defaults and its checks. */
// biome-ignore format: a table is read by its columns; one row, one line where it fits
export const rows = {
  site: { kind: projectName, default: 'twinedge', meaning: 'What the stacks are called on the servers: Compose\'s project.', example: 'twinedge' },
  domains: { kind: domain, many: true, meaning: 'The names that are served, the same as DOMAINS in the servers\' `.env`.', example: '[example.com, www.example.com]' },

  'servers.*.ssh': { kind: destination, meaning: 'What ssh connects to. Its config, agent and known hosts count.', example: 'root@203.0.113.7' },
  'servers.*.address': { kind: address, meaning: 'The address that DNS points at, or would.', example: '203.0.113.7' },
  'servers.*.key': { kind: filePath, default: none, meaning: 'A private key for ssh, where its config names none.', example: '~/.ssh/excelmanus' },
  'servers.*.ssh-config': { kind: filePath, default: none, meaning: 'A configuration for ssh, instead of the user\'s own.', example: 'ssh_config' },
  'servers.*.folder': { kind: serverFolder, default: '/opt/twinedge', meaning: 'On the server: compose files, `.env`, the tool.' },
  'servers.*.env': { kind: filePath, default: none, meaning: 'On this machine: the server\'s `.env`; by default frontend.env, backend.env or single.env beside this file.', example: 'frontend.env' },

  standby: { kind: choice('backend'), default: none, meaning: 'The server that runs the web app, too, so that it can take the whole site over while the other one is dead. Some 100 MB of memory there, 384 at most; a deploy brings its pages up to date.', example: 'backend' },

  'web.source': { kind: filePath, meaning: 'The folder of the web app, with its package.json.', example: '../app/web' },
  'web.dockerfile': { kind: filePath, default: none, meaning: 'By default the project\'s own, images/web/Dockerfile.', example: 'Dockerfile' },
  'web.args': { kind: argument, many: true, default: [], meaning: 'Build arguments. Never a secret: they end up in the image.', example: '[BUILD_SCRIPT=build:webpack]' },
  'web.image': { kind: repository, default: none, meaning: 'Its name in a registry, with `ship: registry`.', example: 'registry.example.com/team/web' },
  'api.source': { kind: filePath, meaning: 'The folder of the API, with its pyproject.toml or requirements.txt.', example: '../app' },
  'api.dockerfile': { kind: filePath, default: none, meaning: 'By default the project\'s own, images/api/Dockerfile.', example: 'Dockerfile' },
  'api.args': { kind: argument, many: true, default: [], meaning: 'Build arguments. Never a secret.', example: '["API_APP=excelmanus.api:app", API_EXTRAS=web]' },
  'api.image': { kind: repository, default: none, meaning: 'Its name in a registry, with `ship: registry`.', example: 'registry.example.com/team/api' },

  ship: { kind: choice('ssh', 'registry'), default: 'ssh', meaning: 'How images get to the servers: by ssh, only what is missing there; or by a registry, to which this machine and the servers are logged in.' },
  verify: { kind: requestPath, many: true, default: ['/api/v1/health', '/'], meaning: 'What must answer once a deploy has swapped.', example: '/login' },
  'hooks.before': { kind: text, default: none, meaning: 'A command on this machine before anything is built; if it fails, nothing is.', example: 'npm run lint' },
  'hooks.after': { kind: text, default: none, meaning: 'After a deploy that serves.', example: './tell-the-team' },
  'hooks.failed': { kind: text, default: none, meaning: 'After one that failed.', example: './tell-the-team' }
} as const satisfies Record<string, Field>
