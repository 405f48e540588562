import type { ServerPlan } from '../plan/site.ts'
import { quoted } from './quote.ts'

const settings = [
  // After so long without a word from the server the line is lost: three questions, one every 5 s.
  ...['ServerAliveInterval=5', 'ServerAliveCountMax=3', 'ConnectTimeout=15'],
  // Nobody is asked for a password, and no host key is taken unseen: what ssh's own config says of the latter stays.
  ...['BatchMode=yes', 'ForwardX11=no', 'RequestTTY=no'],
  // What an operator's config has for logins by hand: neither a command instead of ours, nor ports that are taken by now.
  ...['RemoteCommand=none', 'ClearAllForwardings=yes'],
  // By its words we tell why it was refused.
  'LogLevel=INFO'
]

/** Of ssh, before the destination: which files it goes by, and how it behaves. */
export function optionsOf(server: ServerPlan): string[] {
  return [...filesOf(server), ...settings.flatMap(setting => ['-o', setting])]
}

/** As an operator would type it. */
export function byHand(server: ServerPlan): string {
  return quoted(['ssh', ...filesOf(server), server.ssh])
}

function filesOf({ sshConfig, key }: ServerPlan): string[] {
  return [...(sshConfig ? ['-F', sshConfig] : []), ...(key ? ['-i', key] : [])]
}
