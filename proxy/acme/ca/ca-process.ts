/** The process that talks to an authority: one question, one answer, and it is gone with all that it loaded. */
import manifest from '../../../package.json' with { type: 'json' }
import type { PemPair } from '../../tls/pem-files.ts'
import { AuthorityClient } from './client.ts'
import type { FromChild, ToChild } from './messages.ts'
import { type Listeners, runOrder } from './order.ts'
import { askRenewalInfo } from './renewal-info.ts'

const userAgent = `twinedge/${manifest.version}`
const opening = new Map<number, () => void>()

// Without the edge nobody opens a challenge, and nobody keeps what is issued.
process.on('disconnect', () => process.exit(0))
process.on('message', (message: ToChild) => {
  if (message.say === 'opened') return opening.get(message.id)?.()
  void answerTo(message).then(outcome => {
    // Resolved when it is written: an exit before that would lose it.
    process.send!({ say: 'answer', outcome } satisfies FromChild, () => process.exit(0))
  })
})

function answerTo(
  question: Exclude<ToChild, { say: 'opened' }>
): Promise<Extract<FromChild, { say: 'answer' }>['outcome']> {
  if (question.say === 'advice') {
    return askRenewalInfo(new AuthorityClient(question.directory, null, userAgent), question.cert)
  }
  const { order } = question
  return runOrder(new AuthorityClient(order.directory, order, userAgent), order, listeners)
}

const listeners: Listeners = {
  openHttp: token => open(id => ({ say: 'open-http', id, token })),
  openAlpn: (domain: string, pair: PemPair) => open(id => ({ say: 'open-alpn', id, domain, pair })),
  at: what => tell({ say: 'at', what })
}

function open(messageOf: (id: number) => FromChild): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const id = opening.size
  opening.set(id, resolve)
  tell(messageOf(id))
  return promise
}

function tell(message: FromChild): void {
  process.send!(message)
}
