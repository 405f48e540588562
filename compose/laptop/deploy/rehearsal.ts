import { standbyOf } from '../plan/site.ts'
import { releasesIn } from '../site/away.ts'
import { deploysOf, refuseUnfinished } from '../site/deploys.ts'
import { lookAtSite } from '../site/sight.ts'
import { refuseWithout, type Wish, type Yard } from './deploy.ts'
import { planDeploy } from './plan.ts'
import { leadLine, waysInto } from './verify.ts'

/**
 * What a deploy would do, step by step; nothing is built, and nothing changes.
 * @throws EdgeError DEPLOY_UNFINISHED, as a workshop's check and as servers do
 */
export async function rehearse(yard: Yard, { parts, how }: Wish): Promise<string[]> {
  const { site, lines, away, workshop, claim, now } = yard
  refuseWithout(yard, parts)
  const sight = await lookAtSite(lines, site.name)
  const { records, serving } = sight
  const deploys = deploysOf([...records.values()].map(({ lines }) => lines))
  refuseUnfinished(deploys)
  const images = Object.fromEntries(parts.map(part => [part, '']))
  const before = releasesIn(yard, { deploys, sight })
  const plan = { site, deploys, serving: before, id: claim.id, who: claim.who, at: now().toISOString(), how, away }
  const { number, moves } = planDeploy(plan, images)
  const told = [`deploy ${number} of ${parts.join(' and ')}: nothing of this is done`]
  const step = (text: string): number => told.push(`${told.length}. ${text}`)
  const hook = (name: keyof typeof site.hooks): void => {
    if (site.hooks[name] !== null) step(`hook ${name}: ${site.hooks[name]}`)
  }
  hook('before')
  for (const part of parts) await workshop.check(part)
  for (const part of parts) step(`${part}: ${await workshop.describe(part)}`)
  for (const part of parts) step(`${part}: ${await workshop.foresee(part)}`)
  step(`lock ${lines.map(({ server }) => server.name).join(', then ')}`)
  for (const { part, server } of moves) {
    const { slot = '', image = null, release = null } = serving.get(server)?.upstreams[part] ?? {}
    const now = `${image ?? 'nothing'}${release === null ? '' : `, release ${release},`} serves from ${part}-${slot}`
    step(`swap ${part} on ${server}: ${now}; then ${part}-${slot === 'blue' ? 'green' : 'blue'} does`)
    const standby = part === 'web' ? standbyOf(site) : null
    if (standby !== null) step(`the same on ${standby.name}, which is the standby`)
  }
  const ways = await waysInto(site, ({ name }) => !away.has(name))
  for (const domain of site.domains) {
    step(`ask for ${site.verify.map(path => `https://${domain}${path}`).join(', ')}; ${leadLine(ways, domain)}`)
  }
  hook('after')
  return told
}
