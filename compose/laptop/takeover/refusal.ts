import { EdgeError } from '../../../proxy/errors.ts'
import { checkServer } from '../bootstrap/checks.ts'
import type { Work } from '../bootstrap/step.ts'
import { type Facts, listenerOn } from '../facts/facts.ts'
import { failureOf } from '../plan/commands.ts'
import { projectOf } from '../plan/env-names.ts'
import { edgePorts } from '../steps/ports.ts'
import { nginxOf } from './take-over.ts'

/** Whatever stands in the way of a server, before anything is changed there. @throws EdgeError SERVER_*, SSH_* */
export async function refuseServer(work: Work): Promise<void> {
  const { facts, server, orders } = work
  const needs = { ports: edgePorts(work), project: projectOf(work), takeOver: orders.takeOver }
  try {
    checkServer(facts, needs)
  } catch (cause) {
    if (!(cause instanceof EdgeError)) throw cause
    const more = cause.code === 'SERVER_PORT_TAKEN' && isNginx(facts, needs.ports) ? await whatNginxServes(work) : ''
    throw failureOf(server, cause.code, `${server.name} (${server.ssh}): ${cause.detail}${more}`)
  }
}

function isNginx(facts: Facts, ports: readonly number[]): boolean {
  return ports.some(port => listenerOn(facts, port)?.program === 'nginx')
}

async function whatNginxServes(work: Work): Promise<string> {
  const { names, certificates } = await nginxOf(work).catch(() => ({ names: [], certificates: [] }))
  const files = certificates.map(({ cert }) => cert)
  return [
    ...(names.length > 0 ? [`\nit serves ${names.join(', ')}`] : []),
    ...(files.length > 0 ? [`\nwith the certificates ${files.join(', ')}`] : [])
  ].join('')
}
