import { randomBytes } from 'node:crypto'
import type { EnvironmentFault } from '../../compose/env/environment.ts'
import { compareEnvironments, type Difference, differences } from '../../compose/laptop/look/comparison.ts'
import { composeHashes } from '../../compose/laptop/look/own.ts'
import { lookAt } from '../../compose/laptop/look/server-look.ts'
import { atEach } from '../../compose/laptop/look/servers.ts'
import { unservedNames } from '../../compose/laptop/plan/env-names.ts'
import type { ServerPlan, Site } from '../../compose/laptop/plan/site.ts'
import { seeEnvironment } from '../../compose/server/look/environment.ts'
import type { EdgeError } from '../../proxy/errors.ts'
import { table } from '../terminal.ts'

interface Checked {
  readonly server: string
  /** Of this laptop's `.env` of that server. */
  readonly faults: readonly EnvironmentFault[]
  readonly differences: readonly Difference[]
  readonly failure: { readonly code: string; readonly detail: string; readonly next: string } | null
}

/** What this laptop would bring to the servers, against what they have. @returns 1 when something is wrong or differs */
export async function checkSite(site: Site, servers: readonly ServerPlan[], isJson: boolean): Promise<number> {
  const salt = randomBytes(16).toString('hex')
  const found = await atEach(servers, ssh =>
    lookAt(ssh, site.name, agent => agent.ask('examine', { project: site.name, server: ssh.server.name, salt }))
  )
  const checked = await Promise.all(
    found.map(async ({ server, answer, failure }): Promise<Checked> => {
      const [here, files] = await Promise.all([
        seeEnvironment(server.envFile, server.name, salt),
        composeHashes(server)
      ])
      const { facts, more } = answer ?? {}
      const there = Object.fromEntries(Object.entries(facts?.stack.files ?? {}).filter(([name]) => name in files))
      const ofFiles = facts == null ? [] : differences(files, there).map(shorten)
      const ofEnvironment = more == null ? [] : compareEnvironments(here, more.environment)
      const why = failure ?? answer?.failure ?? null
      return {
        server: server.name,
        faults: [...here.faults, ...(here.isThere ? unservedNames(site, here.values) : [])],
        differences: [...ofFiles, ...ofEnvironment],
        failure: plain(why)
      }
    })
  )
  if (isJson) console.log(JSON.stringify({ file: site.file, servers: checked }))
  else console.log([`${site.file}: ok`, ...checked.flatMap(one => report(one, servers))].join('\n'))
  return checked.some(isWrong) ? 1 : 0
}

function shorten({ name, here, there }: Pick<Difference, 'name' | 'here' | 'there'>): Difference {
  return { name, here: here?.slice(0, 12) ?? null, there: there?.slice(0, 12) ?? null, isKept: false }
}

function plain(failure: EdgeError | null): Checked['failure'] {
  return failure === null ? null : { code: failure.code, detail: failure.detail, next: failure.next }
}

function isWrong({ faults, differences, failure }: Checked): boolean {
  return faults.length > 0 || failure !== null || differences.some(({ isKept }) => !isKept)
}

function report(checked: Checked, plans: readonly ServerPlan[]): string[] {
  const { server, faults, differences, failure } = checked
  const file = plans.find(({ name }) => name === server)?.envFile
  const rows = differences.map(({ name, here, there, isKept }) => [
    name,
    here ?? '-',
    there ?? '-',
    isKept ? 'the server counts' : 'DIFFERS'
  ])
  const lines = [
    ...faults.map(({ name, found, expected }) => `${file}: ${name}: found ${found}; expected ${expected}`),
    ...(failure === null ? [] : [`${failure.code}: ${failure.detail}`, `next: ${failure.next}`]),
    ...(rows.length === 0 ? [] : [table([['NAME', 'HERE', 'THERE', ''], ...rows])]),
    ...(differences.some(({ isKept }) => !isKept)
      ? [`next: twinedge bootstrap ${server} brings what is here; or put what is there into ${file} first`]
      : [])
  ]
  const isOk = `${server}: ${file} is ok; compose files and .env are the same there`
  if (lines.length === 0) return [isOk]
  return ['', isWrong(checked) ? `${server}:` : `${isOk}, but for what a server keeps for itself:`, ...lines]
}
