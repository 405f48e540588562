// Certificates on both servers, though DNS leads to one of them: what the other's account answers goes over the link.
import t from 'tap'
import { pebbleMissing } from '../doubles/pebble/pebble.ts'
import type { Ground } from '../doubles/wan/ground.ts'
import { whyNoWan } from '../doubles/wan/missing.ts'
import { startDistantPebble } from '../doubles/wan/programs/authority.ts'
import { siteName } from '../doubles/wan/site/server.ts'
import { startSite } from '../doubles/wan/site/site.ts'

const missing = whyNoWan() || pebbleMissing('debian')

t.test(
  'the standby gets its certificate, with nothing configured for it',
  { skip: missing, timeout: 180_000 },
  async t => {
    const tls = async ({ clients, frontend, backend }: Ground): Promise<string> => {
      const authority = await startDistantPebble(t, clients)
      await authority.setDns(siteName, [frontend.address])
      for (const server of [frontend, backend]) server.resolve({ server: clients.address })
      return `{ mode: acme, directory: "${authority.directory}", directory-ca: "${authority.caFile}" }`
    }
    const { frontend, backend, ground } = await startSite(t, { tls, apps: { frontend: [], backend: [] }, delayMs: 50 })
    const [ofFrontend, ofBackend] = await Promise.all(
      [backend, frontend].map(async server => {
        const { report } = await server.linkUntil(link => (link.report?.thumbprint ?? null) !== null)
        return report!.thumbprint!
      })
    )
    t.not(ofFrontend, ofBackend, 'each has an account of its own')
    const token = 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0'
    for (const [{ place }, ofOther] of [
      [frontend, ofBackend],
      [backend, ofFrontend]
    ] as const) {
      const { out } = await ground.clients.run('curl', [
        '-s',
        `http://${place.address}/.well-known/acme-challenge/${token}`
      ])
      t.equal(out, `${token}.${ofOther}`)
    }
    const issued = (server: typeof backend) => server.edge.line(({ message }) => message === 'certificate issued')
    await issued(frontend)
    await backend.twinedge('certs', 'renew', '--force')
    await issued(backend)
    for (const { place } of [frontend, backend]) {
      const to = ['--connect-to', `${siteName}:443:${place.address}:443`]
      const shown = await ground.clients.run('curl', [
        '-skv',
        '-m',
        '5',
        '-o',
        '/dev/null',
        ...to,
        `https://${siteName}/`
      ])
      t.match(shown.err, /issuer: CN=Pebble/)
    }
  }
)
