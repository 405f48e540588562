import type { FailureRow } from '../row.ts'

/** What stops a command on the operator's own machine, on its way to a server. */
export const sshFailures = {
  SSH_MISSING: {
    status: 0,
    side: 'operator',
    next: 'install OpenSSH: apt-get install openssh-client, or dnf install openssh-clients'
  },
  SSH_UNREACHABLE: {
    status: 0,
    side: 'operator',
    next: 'try it yourself: ssh DESTINATION; then look at servers.*.ssh in deploy.yaml, and at the firewall for port 22'
  },
  SSH_HOST_KEY_CHANGED: {
    status: 0,
    side: 'operator',
    next: 'if the server was set up anew: ssh-keygen -R HOST, then connect once by hand and compare the fingerprint; if it was not, somebody stands in between: do not connect'
  },
  SSH_HOST_KEY_UNKNOWN: {
    status: 0,
    side: 'operator',
    next: 'connect once by hand (ssh DESTINATION) and compare the fingerprint with the one that the provider shows'
  },
  SSH_KEY_REFUSED: {
    status: 0,
    side: 'operator',
    next: 'look at the user and the key: ssh -v DESTINATION; ssh-copy-id DESTINATION puts a key there'
  },
  SSH_CONFIG_REFUSED: {
    status: 0,
    side: 'operator',
    next: 'mend what ssh complains of in its configuration: ssh -G DESTINATION'
  },
  SSH_SHELL_REFUSED: {
    status: 0,
    side: 'operator',
    next: 'give this user a shell that runs commands (on the server, as root: chsh -s /bin/bash USER), or log in as another; see what it says now: ssh DESTINATION true'
  },
  SSH_SUDO_REFUSED: {
    status: 0,
    side: 'operator',
    next: 'log in as root, or let this user do it without a password: USER ALL=(ALL) NOPASSWD: ALL in /etc/sudoers.d/twinedge'
  },
  SERVER_TOOL_MISSING: { status: 0, side: 'operator', next: 'set the server up: twinedge bootstrap SERVER' },
  SERVER_TOOL_OTHER: {
    status: 0,
    side: 'operator',
    next: 'bring its tool to the version of this laptop: twinedge bootstrap SERVER; where this laptop is the older one, bring its own tool up to date instead'
  }
} as const satisfies Record<string, FailureRow>
