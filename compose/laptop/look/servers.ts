import { EdgeError } from '../../../proxy/errors.ts'
import type { ServerPlan } from '../plan/site.ts'
import { connectSsh, type Ssh } from '../ssh/ssh.ts'

/** What came of asking one server. */
export type Reached<T> = { readonly server: ServerPlan } & (
  | { readonly answer: T; readonly failure: null }
  | { readonly answer: null; readonly failure: EdgeError }
)

/** Asks all of them at once: one that cannot be reached is told of, and ends nothing. */
export function atEach<T>(servers: readonly ServerPlan[], work: (ssh: Ssh) => Promise<T>): Promise<Reached<T>[]> {
  return Promise.all(
    servers.map(async (server): Promise<Reached<T>> => {
      try {
        return { server, answer: await onServer(server, work), failure: null }
      } catch (failure) {
        if (failure instanceof EdgeError) return { server, answer: null, failure }
        throw failure
      }
    })
  )
}

/** @throws EdgeError SSH_*, or as `work` does */
export async function onServer<T>(server: ServerPlan, work: (ssh: Ssh) => Promise<T>): Promise<T> {
  const ssh = await connectSsh(server)
  try {
    return await work(ssh)
  } finally {
    await ssh.close()
  }
}
