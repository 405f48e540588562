import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { ServerName } from '../../../compose/laptop/plan/site.ts'
import { type SshServer, startSshServer } from './server.ts'

/** A server on which some programs are a test's own. */
export interface StandIns {
  readonly server: SshServer
  /** A path in the folder that they know as $STAND; what they write there is seen, and what is written there they see. */
  at(name: string): string
  /** What they have added to $STAND/calls, each a line for what it was told. */
  calls(): string
}

/** @param programs by name, what each of them does: a shell's lines */
export async function startStandIns(
  t: Pick<Test, 'teardown' | 'testdir'>,
  name: ServerName,
  programs: Readonly<Record<string, string>>
): Promise<StandIns> {
  const stand = t.testdir({})
  const at = (name: string): string => join(stand, name)
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(at(name), `#!/bin/sh\necho "${name} $*" >>"$STAND/calls"\n${text}`)
    chmodSync(at(name), 0o755)
  }
  const server = await startSshServer(t, name, { PATH: `${stand}:${process.env.PATH}`, STAND: stand })
  return { server, at, calls: () => (existsSync(at('calls')) ? readFileSync(at('calls'), 'utf8') : '') }
}
