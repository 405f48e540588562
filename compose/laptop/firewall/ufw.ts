import type { Action } from '../bootstrap/step.ts'
import type { FirewallPlan, Risky, UfwFacts } from './firewall.ts'
import { type FirewallWanted, hasPort } from './wanted.ts'

/** Of the profiles that come with packages; there are more, and whoever has those gets a second rule for the port. */
const profiles: Record<string, readonly number[]> = {
  OpenSSH: [22],
  SSH: [22],
  'Nginx Full': [80, 443],
  'Nginx HTTP': [80],
  'Nginx HTTPS': [443],
  'Apache Full': [80, 443],
  'WWW Full': [80, 443]
}

export function planUfw(ufw: UfwFacts, wanted: FirewallWanted): FirewallPlan {
  const { rules, isClosed, startsAtBoot } = ufw
  const closed = rules.filter(rule => wanted.close.some(port => isOf(rule, port)))
  const among = wanted.close.flatMap(port => rules.filter(rule => isOpening(rule, port) && !isOf(rule, port)))
  return {
    // Of one that was left half-way as it was turned on, ufw itself thinks that it is off: what it is told changes nothing.
    actions: [...(startsAtBoot ? [] : atBoot), ...(isClosed ? opening(ufw, wanted.open, wanted) : [])],
    risky: closed.length === 0 ? null : closing(closed),
    notes: among.map(rule => `ufw's rule "${rule}" is about other ports as well, and is left alone: see what it opens`)
  }
}

/**
 * It is turned on last, when ssh is let in already. ufw notes by itself that it is to be on at boot, at which there is no
 * timer any more that would take it back: that waits until ssh has come in.
 */
export function enableUfw(ufw: UfwFacts | null, wanted: FirewallWanted): FirewallPlan {
  const first = { rules: ufw?.rules ?? [] }
  return {
    actions: opening(first, [...wanted.ssh, ...wanted.open], wanted),
    risky: {
      actions: [
        {
          run: ['sh', '-c', `ufw --force enable && ${noting('no')}`],
          says: '$ ufw --force enable; but ENABLED=no in /etc/ufw/ufw.conf until ssh has come in'
        }
      ],
      back: [['ufw', '--force', 'disable']]
    },
    lasting: atBoot
  }
}

function noting(value: 'yes' | 'no'): string {
  return `sed -i 's/^ENABLED=.*/ENABLED=${value}/' /etc/ufw/ufw.conf`
}

const atBoot: readonly Action[] = [
  {
    run: ['sh', '-c', `${noting('yes')} && systemctl -q enable ufw`],
    says: '$ systemctl -q enable ufw; ENABLED=yes in /etc/ufw/ufw.conf'
  }
]

/** What no rule lets in; one that lets in less often (`limit`), or not everybody to ssh, is theirs, and stays. */
function opening({ rules }: Pick<UfwFacts, 'rules'>, ports: readonly number[], wanted: FirewallWanted): Action[] {
  const missing = [...new Set(ports)].filter(port => !rules.some(rule => isOpening(rule, port)))
  const links = linkRules(wanted).filter(({ shown }) => !rules.some(rule => plain(rule) === shown))
  return [...missing.map(allow), ...links.map(({ typed }) => ({ run: ['ufw', ...typed] }))]
}

function closing(closed: readonly string[]): Risky {
  // As they were typed, whose words have no blanks in them here.
  const all = closed.map(rule => ({ words: plain(rule).split(' '), comment: commentOf(rule) }))
  return {
    actions: all.map(({ words }) => ({ run: ['ufw', 'delete', ...words] })),
    back: all.map(({ words, comment }) => ['ufw', ...words, ...(comment === null ? [] : ['comment', comment])])
  }
}

function plain(rule: string): string {
  return rule.replace(commented, '')
}

const commented = / comment '(.*)'$/

function commentOf(rule: string): string | null {
  return commented.exec(rule)?.[1] ?? null
}

function allow(port: number): Action {
  return { run: ['ufw', 'allow', `${port}/tcp`] }
}

/** `show added` has the words in another order than those that are typed. */
function linkRules({ link }: FirewallWanted): { typed: string[]; shown: string }[] {
  return (link?.from ?? []).map(from => ({
    typed: ['allow', 'proto', 'tcp', 'from', from, 'to', 'any', 'port', `${link?.port}`],
    shown: `allow from ${from} to any port ${link?.port} proto tcp`
  }))
}

/** Whether it lets everybody in to a port: `allow 22/tcp`, `limit 22`, `allow 80,443/tcp`, `allow 'Nginx Full'`. */
function isOpening(rule: string, port: number): boolean {
  const [, what = ''] = /^(?:allow|limit)(?: in)? (.+)$/.exec(plain(rule)) ?? []
  const [, ports] = /^([\d,:]+)(?:\/tcp)?$/.exec(what) ?? []
  if (ports !== undefined) return ports.split(',').some(one => hasPort(one, port))
  return profiles[what.replace(/^'(.*)'$/, '$1')]?.includes(port) ?? false
}

/** Whether it lets everybody in to this port, and to no other. */
function isOf(rule: string, port: number): boolean {
  return [`allow ${port}`, `allow ${port}/tcp`, `limit ${port}`, `limit ${port}/tcp`].includes(plain(rule))
}
