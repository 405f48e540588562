import { randomBytes } from 'node:crypto'
import { relative } from 'node:path'
import { faultsOf } from '../../compose/env/checks.ts'
import { readEnvFile } from '../../compose/env/env-file.ts'
import type { Environment } from '../../compose/env/environment.ts'
import type { Draft, WholeDraft } from '../../compose/laptop/init/draft.ts'
import { envText } from '../../compose/laptop/init/env-text.ts'
import { keepOutOfGit, writeSite } from '../../compose/laptop/init/files.ts'
import { siteText } from '../../compose/laptop/init/site-text.ts'
import { parseSite } from '../../compose/laptop/plan/parse.ts'
import { rows } from '../../compose/laptop/plan/rows.ts'
import type { ServerName } from '../../compose/laptop/plan/site.ts'
import { formatFaults } from '../../proxy/config/faults.ts'
import { EdgeError } from '../../proxy/errors.ts'

/** For whoever has to agree: what was found, and where. */
export function foundLines({ domains, servers, web, api, apiArgs }: Draft, folder: string): string[] {
  return [
    ...(domains === null ? [] : [`domains: ${domains.value.join(', ')} (${domains.from})`]),
    ...Object.entries(servers).map(([name, { ssh, address }]) => {
      const at =
        address === null ? '' : `, address ${address.value}${address.from === ssh.from ? '' : ` (${address.from})`}`
      return `${name}: ${ssh.value} (${ssh.from})${at}`
    }),
    ...(web === null ? [] : [`web: ${relative(folder, web.value) || '.'} (${web.from})`]),
    ...(api === null ? [] : [`api: ${relative(folder, api.value) || '.'} (${api.from})`]),
    ...apiArgs.map(argument => `api: ${argument}`)
  ]
}

interface Terms {
  readonly folder: string
  readonly name: string | undefined
  readonly before: Environment
  readonly force: boolean
}

/** @param draft with nothing missing @throws EdgeError SITE_EXISTS, SITE_INVALID, EDGE_STATE_UNWRITABLE, EDGE_DISK_FULL */
export async function writeDraft(draft: Draft, { folder, name, before, force }: Terms): Promise<string[]> {
  const whole = { ...draft, name: name ?? rows.site.default } as WholeDraft
  const yaml = siteText(whole, folder)
  const parsed = parseSite(yaml, `${folder}/deploy.yaml`)
  if ('faults' in parsed) throw new EdgeError('SITE_INVALID', `\n${formatFaults(parsed.faults, 'deploy.yaml')}`)
  const newSecret = (): string => randomBytes(36).toString('base64')
  const servers = Object.keys(whole.servers) as ServerName[]
  const all = servers.map(server => ({ server, ...envText(server, { draft: whole, before, newSecret }) }))
  const envs = all.map(({ server, text }) => ({ name: `${server}.env`, text, mode: 0o600 }))
  const done = await writeSite(folder, [{ name: 'deploy.yaml', text: yaml, mode: 0o644 }, ...envs], force)
  done.push(
    ...(await keepOutOfGit(
      folder,
      envs.map(one => one.name)
    ))
  )
  for (const { server, text, taken, made } of all) {
    const file = `${server}.env`
    if (taken.length > 0) done.push(`${file}: taken over: ${taken.join(', ')}`)
    if (made.length > 0) done.push(`${file}: made: ${made.join(', ')}`)
    const { env } = readEnvFile(text, file)
    const faults = faultsOf({ ...env, SERVER: server === 'single' ? server : '' }, server)
    done.push(...faults.map(fault => `${file}: ${fault.name}: found ${fault.found}; expected ${fault.expected}`))
  }
  return [
    ...done,
    `next: look through ${['deploy.yaml', ...envs.map(one => one.name)].join(', ')}; then: twinedge bootstrap --dry-run`
  ]
}
