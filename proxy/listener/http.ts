import type { Address } from '../config/config.ts'
import type { Admission } from './admission.ts'
import type { ListenerContext } from './context.ts'
import { H1Connection } from './h1/connection.ts'
import { Listener, plainAddress } from './listener.ts'

/** :80: HTTP/1.x in clear text, for redirects and ACME only. */
export function createHttpListener(address: Address, context: ListenerContext, admission: Admission): Listener {
  const listener = new Listener(address, admission, socket => {
    listener.hold(new H1Connection(socket, context, plainAddress(socket.remoteAddress)), socket)
  })
  return listener
}
