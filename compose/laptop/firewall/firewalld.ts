import { isIPv6 } from 'node:net'
import type { Action, Run } from '../bootstrap/step.ts'
import type { FirewalldFacts, FirewalldZone, FirewallPlan, ZoneFacts } from './firewall.ts'
import { type FirewallWanted, hasPort } from './wanted.ts'

const services: Record<number, string> = { 22: 'ssh', 80: 'http', 443: 'https' }

/** Now and for good, one by one: a reload would take away what somebody has set for today alone. */
export function planFirewalld(firewalld: FirewalldFacts, wanted: FirewallWanted): FirewallPlan {
  const { zones } = firewalld
  const inEach = (option: string, needs: (zone: ZoneFacts) => boolean): Run[] =>
    zones.flatMap(zone => change(zone, option, needs))
  const opened = [
    ...wanted.open.flatMap(port => inEach(`--add-port=${port}/tcp`, one => !isOpen(one, port))),
    ...linkRules(wanted).flatMap(rule => inEach(`--add-rich-rule=${rule}`, one => !one.richRules.includes(rule)))
  ]
  const isOpened = (port: number): ((one: ZoneFacts) => boolean) => {
    return ({ ports }) => ports.includes(`${port}/tcp`)
  }
  const each = (option: string): Run[] => wanted.close.flatMap(port => inEach(`${option}=${port}/tcp`, isOpened(port)))
  const closed = each('--remove-port')
  const back = each('--add-port').map(({ run }) => run)
  return {
    actions: opened,
    risky: closed.length === 0 ? null : { actions: closed, back },
    lasting: wanted.enable ? remaining(firewalld) : [],
    notes: wanted.close.length > 0 ? notesOnClosing(firewalld, wanted) : notesOnOpening(firewalld, wanted)
  }
}

const atBoot: Action = { run: ['systemctl', 'enable', 'firewalld'] }
/** It learns of firewalld when it starts: until then containers do not reach the world. Where there is none: nothing. */
const docker: Action = { run: ['systemctl', 'try-restart', 'docker'] }

/** Of one that is on: what whoever turned it on has not come to. */
function remaining({ startsAtBoot, isUnknownToDocker }: FirewalldFacts): Action[] {
  return [...(startsAtBoot ? [] : [atBoot]), ...(isUnknownToDocker ? [docker] : [])]
}

function notesOnOpening(firewalld: FirewalldFacts, { enable }: FirewallWanted): string[] {
  const zones = firewalld.otherZones.map(name => `firewalld's zone ${name} has rules of its own, which are left alone`)
  if (enable) return zones
  const off = 'firewalld is on, and stays off at the next boot; with --enable-firewall it does not'
  const unknown =
    'Docker has been running since before firewalld, which may keep containers from the world; ' +
    'with --enable-firewall Docker is started again, and they with it'
  return [...zones, ...(firewalld.startsAtBoot ? [] : [off]), ...(firewalld.isUnknownToDocker ? [unknown] : [])]
}

function notesOnClosing({ zones }: FirewalldFacts, { close }: FirewallWanted): string[] {
  const all = zones.flatMap(({ name, kept }) => kept.ports.map(ports => ({ name, ports })))
  return all
    .filter(({ ports }) => close.some(port => ports !== `${port}/tcp` && isOf(ports, port)))
    .map(
      ({ name, ports }) =>
        `${ports} of firewalld's zone ${name} is about other ports as well, and is left alone: see what it opens`
    )
}

/** With nothing running that could be asked: its files alone are written before it starts. */
export function enableFirewalld(wanted: FirewallWanted): FirewallPlan {
  const options = [
    ...[...wanted.ssh, ...wanted.open].map(port => `--add-port=${port}/tcp`),
    ...linkRules(wanted).map(rule => `--add-rich-rule=${rule}`)
  ]
  return {
    actions: options.map(option => ({ run: ['firewall-offline-cmd', option] })),
    risky: { actions: [{ run: ['systemctl', 'start', 'firewalld'] }], back: [['systemctl', 'stop', 'firewalld']] },
    lasting: [atBoot, docker],
    notes: ['Docker is started again for it, and with it all of its containers']
  }
}

function change({ name, now, kept }: FirewalldZone, option: string, needs: (zone: ZoneFacts) => boolean): Run[] {
  const command = ['firewall-cmd', '-q', `--zone=${name}`, option]
  return [
    ...(needs(kept) ? [{ run: [...command.slice(0, 1), '--permanent', ...command.slice(1)] }] : []),
    ...(needs(now) ? [{ run: command }] : [])
  ]
}

function isOpen({ target, ports, services: named }: ZoneFacts, port: number): boolean {
  const isNamed = named.includes(services[port] ?? '')
  return target === 'ACCEPT' || isNamed || ports.some(one => isOf(one, port))
}

/** @param text `80/tcp`, `39000-40000/tcp` */
function isOf(text: string, port: number): boolean {
  return text.endsWith('/tcp') && hasPort(text.slice(0, -4), port)
}

/** As firewalld writes them when it lists them. */
function linkRules({ link }: FirewallWanted): string[] {
  return (link?.from ?? []).map(from => {
    const family = isIPv6(from.replace(/\/.*$/, '')) ? 'ipv6' : 'ipv4'
    return `rule family="${family}" source address="${from}" port port="${link?.port}" protocol="tcp" accept`
  })
}
