import type { FastifyInstance } from 'fastify'
import type { LinkActions } from '../actions.ts'
import { readMeasureRequest, readPairRequest } from './requests.ts'

/** For the operator's socket alone: there are addresses in it. */
export function addLink(app: FastifyInstance, link: LinkActions): void {
  app.get('/link', () => link.status())
  app.post('/link/pair', request => link.pair(readPairRequest(request.body)))
  app.post('/link/rotate', () => link.rotate())
  app.post('/link/measure', request => link.measure(readMeasureRequest(request.body)))
  app.get('/standby', () => link.standby())
}
