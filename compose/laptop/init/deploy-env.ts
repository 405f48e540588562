import { isAbsolute, join } from 'node:path'
import { domain } from '../../../proxy/config/kinds/hosts.ts'
import { readEnvFile } from '../../env/env-file.ts'

/** What the `.env.deploy` of the old deploy script says. */
export interface DeployEnv {
  /** As ssh reaches them: a single server has no frontend of its own. */
  readonly frontend: string | null
  readonly backend: string | null
  /** Absolute; null: as ssh finds it. */
  readonly key: string | null
  readonly domain: string | null
  readonly hooks: { readonly before: string | null; readonly after: string | null }
  /** From where the sources can be had, if they are not at hand. */
  readonly repository: string | null
}

/**
 * @param root of the project, which its paths are relative to
 * @param text shell assignments, as `source` reads them
 */
export function readDeployEnv(text: string, root: string): DeployEnv {
  const { env } = readEnvFile(text, '.env.deploy')
  // Names of the script's own, and those of the file that it maps to them.
  const first = (...names: string[]): string | null => names.map(name => env[name]).find(Boolean) ?? null
  const backend = first('BACKEND_SERVER', 'BACKEND_HOST')
  const frontend = first('FRONTEND_SERVER', 'FRONTEND_HOST')
  const login = { user: first('SERVER_USER', 'SSH_USER') ?? 'root', port: first('SSH_PORT') ?? '22' }
  const both = backend !== null && frontend !== null && backend !== frontend
  const key = first('SSH_KEY_PATH', 'SSH_KEY_NAME', 'SSH_KEY')
  return {
    backend: destination(both ? backend : (backend ?? frontend), login),
    frontend: both ? destination(frontend, login) : null,
    key: key === null ? null : isAbsolute(key) ? key : join(root, key),
    domain: domainIn(first('SITE_DOMAIN', 'SITE_URL', 'HEALTH_URL')),
    hooks: { before: first('PRE_DEPLOY_HOOK'), after: first('POST_DEPLOY_HOOK') },
    repository: first('REPO_URL')
  }
}

function destination(host: string | null, { user, port }: { user: string; port: string }): string | null {
  if (host === null) return null
  const login = host.includes('@') ? host : `${user}@${host}`
  return port === '22' ? login : `ssh://${login}:${port}`
}

/** `https://shop.cn/api` → `shop.cn`; what is no name, an address say, is none. */
function domainIn(written: string | null): string | null {
  const host = written === null ? '' : URL.parse(written)?.hostname || written
  return domain.read(host) ?? null
}
