import { nearest } from '../../proxy/config/faults.ts'
import { EdgeError } from '../../proxy/errors.ts'
import { importFolder } from '../certs/import.ts'
import { renew } from '../certs/renew.ts'
import { placeUsage } from '../control-client.ts'
import { listWherever } from '../look/certs.ts'

export const summary = 'List the certificates and when they are renewed; renew them now; import those of certbot'
export const usage = `[list] [--site FILE] ${placeUsage} [--json]
twinedge certs renew [NAME...] [--force | --dry-run [--directory URL]] ${placeUsage} [--json]
twinedge certs import DIR ${placeUsage} [--json]

  list    each certificate: who issued it, how long it is good for, when it is renewed next, what stood against it
  renew   begins to order what is due or failing; a NAME is the first domain of a certificate in the list
            --force          whatever life is left: the authority counts every order against its limits
            --dry-run        tries each of them and waits for the outcome; nothing is stored
            --directory URL  where a dry run goes to; by default the staging directory of the authority
  import  takes over what certbot has: /etc/letsencrypt, one of live/, or any folder with fullchain.pem and privkey.pem;
            with --config it works before the first start as well`

const actions: Readonly<Record<string, (args: string[]) => Promise<number>>> = {
  list: listWherever,
  renew,
  import: importFolder
}

export async function run(args: string[]): Promise<number> {
  const [name = 'list', ...rest] = args
  if (name.startsWith('-')) return await listWherever(args)
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined
  if (action !== undefined) return await action(rest)
  const near = nearest(name, Object.keys(actions))
  const hint = near === undefined ? '' : `; did you mean ${near}?`
  throw new EdgeError('EDGE_USAGE', `twinedge certs list, renew or import; there is no ${name}${hint}`)
}
