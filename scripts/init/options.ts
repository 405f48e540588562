import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type { SurveyWanted } from '../../compose/laptop/init/survey.ts'
import { rows } from '../../compose/laptop/plan/rows.ts'
import type { ServerName } from '../../compose/laptop/plan/site.ts'
import { email } from '../../proxy/config/kinds/accounts.ts'
import type { Kind } from '../../proxy/config/kinds/kind.ts'
import { EdgeError } from '../../proxy/errors.ts'

const text = { type: 'string' } as const
const texts = { type: 'string', multiple: true } as const

/** For parseArgs. */
export const initOptions = {
  ...{ frontend: text, backend: text, single: text, address: texts, key: text },
  ...{ domain: texts, email: text, web: text, api: text, name: text },
  ...{ from: text, 'ssh-config': text, resolver: texts, force: { type: 'boolean' } as const }
} as const

export interface InitValues {
  readonly frontend?: string | undefined
  readonly backend?: string | undefined
  readonly single?: string | undefined
  readonly address?: string[] | undefined
  readonly key?: string | undefined
  readonly domain?: string[] | undefined
  readonly email?: string | undefined
  readonly web?: string | undefined
  readonly api?: string | undefined
  readonly name?: string | undefined
  readonly from?: string | undefined
  readonly 'ssh-config'?: string | undefined
  readonly resolver?: string[] | undefined
  readonly force?: boolean | undefined
}

/** @throws EdgeError EDGE_USAGE for what deploy.yaml would refuse */
export function wantedBy(values: InitValues, folder: string, project: string): SurveyWanted {
  const { single, frontend, backend } = values
  if (single !== undefined && (frontend !== undefined || backend !== undefined)) {
    throw new EdgeError(
      'EDGE_USAGE',
      '--single is one server with both halves: not together with --frontend or --backend'
    )
  }
  const path = (written: string | undefined): string | null => (written === undefined ? null : resolve(folder, written))
  const ssh = rows['servers.*.ssh'].kind
  const named = Object.entries({ single, frontend, backend }).filter(([, value]) => value !== undefined)
  return {
    folder,
    named: Object.fromEntries(named.map(([name, value]) => [name, checked(`--${name}`, ssh, value!)])),
    addresses: Object.fromEntries((values.address ?? []).map(addressIn)),
    key: path(values.key),
    resolvers: values.resolver ?? [],
    domains: (values.domain ?? []).map(one => checked('--domain', rows.domains.kind, one)),
    email: values.email === undefined ? null : checked('--email', email, values.email),
    web: path(values.web),
    api: path(values.api),
    from: path(values.from),
    sshConfig: path(values['ssh-config']) ?? join(homedir(), '.ssh/config'),
    project
  }
}

function addressIn(written: string): [ServerName, string] {
  const [, name, value] = /^(frontend|backend|single)=(.*)$/.exec(written) ?? []
  if (name === undefined || value === undefined) {
    throw new EdgeError(
      'EDGE_USAGE',
      `--address: expected SERVER=ADDRESS, such as frontend=203.0.113.7, found "${written}"`
    )
  }
  return [name as ServerName, checked('--address', rows['servers.*.address'].kind, value)]
}

function checked<T>(option: string, { read, why, expected }: Kind<T>, written: string): T {
  const found = read(written)
  if (found !== undefined) return found
  throw new EdgeError('EDGE_USAGE', `${option}: found "${written}", expected ${why?.(written) ?? expected}`)
}
