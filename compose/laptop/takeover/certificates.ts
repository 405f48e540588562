import { EdgeError } from '../../../proxy/errors.ts'
import { readEnvFile } from '../../env/env-file.ts'
import type { Deed, Plan, Work } from '../bootstrap/step.ts'
import { type CertificatePair, isFor } from './nginx.ts'

/** Of the edge's image. */
const edgeUser = '10001'

/**
 * FOLDER CONFIGURATION CERT KEY...: hands each pair to an edge that does not run yet, by way of a folder that is gone
 * again afterwards. Nothing is stopped for it.
 */
const bring = `set -e
umask 077
cd "$1" && config=$2 && shift 2
at=site/import && rm -rf "$at" && mkdir -p "$at"
trap 'rm -rf "$at"' EXIT
trap 'exit 1' HUP INT TERM
number=0
while [ $# -gt 0 ]; do
  number=$((number + 1))
  mkdir "$at/$number" && cp -L "$1" "$at/$number/fullchain.pem" && cp -L "$2" "$at/$number/privkey.pem"
  shift 2
done
chown -R ${edgeUser}:${edgeUser} "$at"
docker compose run --rm --no-deps -T -v "$PWD/$at:/import:ro" edge certs import /import --config "$config"`

/** What the edge does about a domain without one: see proxy/tls/certificates.ts. */
const untilIssued =
  "a domain without a certificate is shown one of this server's own, which browsers warn of, until ACME has issued one: twinedge certs"

/** What nginx shows for the site's own domains is brought to the edge; of other sites' keys it is to have none. */
export function planCertificates(work: Work, certificates: readonly CertificatePair[]): Plan {
  const isAcme = readEnvFile(work.env, work.server.envFile).env.TLS_MODE === 'acme'
  if (!isAcme) {
    const kept = 'its certificates stay where they are: TLS_MODE is not acme'
    return { actions: [], notes: certificates.length === 0 ? [] : [kept] }
  }
  const { domains } = work.site
  const own = certificates.filter(pair => domains.some(domain => isFor(pair, domain)))
  if (own.length > 0) return { actions: [importing(work, own)] }
  return { actions: [], notes: [`it has no certificate for ${domains.join(', ')}; ${untilIssued}`] }
}

function importing(work: Work, pairs: readonly CertificatePair[]): Deed {
  const { ssh, server, say } = work
  const config = `/etc/twinedge/${server.name}.yaml`
  const files = pairs.flatMap(({ cert, key }) => [cert, key])
  return {
    says: `import the certificates of nginx: ${pairs.map(({ cert }) => cert).join(', ')}`,
    async act() {
      const run = ['sh', '-c', bring, 'bring', server.folder, config, ...files]
      const { code, stdout, stderr } = await ssh.run(run, { asRoot: true })
      const named = (text: string): string =>
        text.replaceAll(/\/import\/(\d+)/g, (all, at) => pairs[Number(at) - 1]?.cert ?? all)
      const told = stdout.split('\n').filter(line => isOutcome.test(line))
      const refused = stderr.split('\n').filter(line => isRefusal.test(line))
      for (const line of [...told, ...refused]) say(`  ${named(line)}`)
      if (code === 0) return
      // Whoever has none that is good loses none. But what the edge has not looked at may be good.
      if (told.length + refused.length > 0) return say(`  ${untilIssued}`)
      throw new EdgeError('SERVER_STEP_FAILED', `certs import: ${stderr.trim().slice(-500)}`)
    }
  }
}

/** As `twinedge certs import` tells them. */
const isOutcome = /^\/import\/\d+: (?:not )?stored\b/
/** All of them are at fault: of each, what it is. */
const isRefusal = /^TLS_[A-Z_]+: /
