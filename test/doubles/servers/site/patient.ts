import { join } from 'node:path'
import type { Test } from 'tap'
import type { Finding, Verdict } from '../../../../compose/laptop/doctor/finding.ts'
import { until } from '../../wan/site/server.ts'
import type { Machine } from '../machine.ts'
import type { LaidSite } from '../site.ts'

/** A site with which something is wrong at times, as its doctor has it. */
export class Patient {
  readonly #site: LaidSite

  constructor(site: LaidSite) {
    this.#site = site
  }

  /** @param env of the laptop's, besides */
  async findings(env: NodeJS.ProcessEnv = {}): Promise<readonly Finding[]> {
    const { laptop, folder } = this.#site
    const trust = { NODE_EXTRA_CA_CERTS: join(folder, 'authority.pem') }
    const { out, err } = await laptop.twinedge(['doctor', '--json'], { folder, env: { ...trust, ...env } })
    if (out === '') throw new Error(err)
    return (JSON.parse(out) as Verdict).findings
  }

  /**
   * What was planted is seen, with its mend, and then mended; then it is gone.
   * @param mend where the finding's own is not all commands, or not for this ground
   * @returns what was found with it
   */
  async findAndMend(
    t: Test,
    id: string,
    wanted: object,
    mend?: (found: Finding) => Promise<unknown>
  ): Promise<readonly Finding[]> {
    let all: readonly Finding[] = []
    const look = async (isThere: boolean): Promise<boolean> => {
      all = await this.findings()
      return all.some(one => one.id === id) === isThere
    }
    const told = (): string => `${id}: ${JSON.stringify(all)}`
    await until(() => look(true), told)
    const then = all
    const found = then.find(one => one.id === id)!
    t.match(found, wanted)
    if (mend === undefined) await this.carryOut(t, found)
    else await mend(found)
    await until(() => look(false), told)
    return then
  }

  /** As somebody would type it who reads what the doctor says. */
  async carryOut(t: Test, { mend }: Finding): Promise<void> {
    const commands = mend.split('; ').filter(one => one.startsWith('twinedge '))
    t.not(commands.length, 0, mend)
    for (const command of commands) {
      const { code, out, err } = await this.#site.twinedge(...command.split(' ').slice(1))
      t.equal(code, 0, `${command}\n${out}${err}`)
    }
  }
}

/** @throws with what it says, when it fails */
export async function sh(server: Machine, script: string): Promise<string> {
  const { code, out, err } = await server.run('sh', ['-c', script])
  if (code !== 0) throw new Error(`${script}: ${err}`)
  return out
}
