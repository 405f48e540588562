import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { missingIn } from '../../compose/laptop/init/draft.ts'
import { survey } from '../../compose/laptop/init/survey.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { printable } from '../../proxy/record/terminal.ts'
import { initOptions, wantedBy } from '../init/options.ts'
import { askForMissing } from '../init/questions.ts'
import { foundLines, writeDraft } from '../init/site.ts'
import { questioner } from '../init/terminal.ts'
import { table } from '../terminal.ts'

export const summary = 'Write deploy.yaml and the .env of each server, for a site that is managed from this machine'
export const usage = `[--frontend DEST --backend DEST | --single DEST] [--address SERVER=IP]... [--key FILE]
       [--domain NAME]... [--email ADDRESS] [--web FOLDER] [--api FOLDER] [--name NAME] [--from FILE] [--force]

  Whatever is left out is looked for: in a .env.deploy, the configuration of ssh, DNS, and the folders around this one.
  What cannot be found out is asked for, in a terminal.

  DEST         what ssh takes: user@host, ssh://user@host:port, or a host of its configuration
  --address    that DNS points at, or would, where DEST does not lead there
  --key        a private key, where the configuration of ssh names none
  --domain     a name that is served; several times
  --email      where the certificate authority may write to
  --web        the folder of the web app; --api: that of the API
  --name       of the site on its servers; twinedge unless told
  --from       the .env.deploy of the old deploy script
  --ssh-config --resolver IP[:PORT]: others than this machine's own
  --force      what is there goes on as .bak; the secrets in it are taken over`

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: initOptions })
  const folder = process.cwd()
  // Nobody is asked ten questions first.
  if (values.force !== true && existsSync(join(folder, 'deploy.yaml')))
    throw new EdgeError('SITE_EXISTS', 'deploy.yaml')
  const found = await survey(wantedBy(values, folder, join(import.meta.dirname, '../..')))
  const lines = [...found.notes, ...foundLines(found.draft, folder)]
  if (lines.length > 0) console.log(lines.map(printable).join('\n'))
  const operator = questioner()
  const draft = operator === null ? found.draft : await askForMissing(found.draft, found.hints, operator, folder)
  operator?.close()
  const missing = missingIn(draft)
  if (missing.length > 0) {
    const rows = missing.map(({ what, option }) => [`  ${what}:`, option])
    throw new EdgeError('SITE_UNKNOWN', `\n${table(rows)}`)
  }
  const done = await writeDraft(draft, {
    folder,
    name: values.name,
    before: found.before,
    force: values.force === true
  })
  console.log(done.map(printable).join('\n'))
  return 0
}
