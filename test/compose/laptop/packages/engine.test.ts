import t from 'tap'
import { describe } from '../../../../compose/laptop/bootstrap/actions.ts'
import type { Action } from '../../../../compose/laptop/bootstrap/step.ts'
import { isUnlisted, planEngine } from '../../../../compose/laptop/packages/engine.ts'
import { isAtLeast } from '../../../../compose/laptop/packages/versions.ts'
import { factsOf, systems } from '../../../fixtures/server-answers.ts'

const lines = (actions: readonly Action[]): string => actions.flatMap(describe).join('\n')

/** What `apt-cache policy` says of packages that could be installed. */
function candidates(versions: Record<string, string>): string {
  return Object.entries(versions)
    .map(([name, version]) => `${name}:\n  Installed: (none)\n  Candidate: ${version}\n  Version table:`)
    .join('\n')
}

t.test('versions are compared as numbers, whatever the packager has added', async t => {
  for (const [version, least] of [
    ['26.1.5+dfsg1', '25'],
    ['5:28.2.2-1~debian.12~bookworm', '25'],
    ['2.24.4', '2.24.4'],
    ['v2.26.1-4', '2.24.4'],
    ['2.40.3+ds1-0ubuntu1~24.04.1', '2.24.4']
  ] as const)
    t.ok(isAtLeast(version, least), version)
  for (const version of ['20.10.24+dfsg1-1+deb12u1+b6', '24.0.7', '', '0']) t.notOk(isAtLeast(version, '25'), version)
  t.notOk(isAtLeast('2.24.3', '2.24.4'))
  t.notOk(isAtLeast('1.29.2-3', '2.24.4'))
})

t.test('Debian 13 has both new enough, with a client of its own', async t => {
  const apt = {
    'docker.io': '26.1.5+dfsg1-9+deb13u1',
    'docker-cli': '26.1.5+dfsg1-9+deb13u1',
    'docker-compose': '2.26.1-4'
  }
  const { actions, notes } = planEngine(factsOf({ os: systems.debian13, candidates: candidates(apt) }), null)
  t.match(
    lines(actions),
    /^\$ apt-get -q update\n\$ env .* install docker\.io docker-cli docker-compose\n\$ systemctl enable --now docker$/
  )
  t.match(notes?.[0], /^from Debian GNU\/Linux 13 \(trixie\): docker\.io 26\.1\.5/)
})

t.test('so have Ubuntu 22.04 and 24.04, under another name', async t => {
  for (const os of [systems.ubuntu2204, systems.ubuntu2404]) {
    const apt = {
      'docker.io': '28.2.2-0ubuntu1~24.04.1',
      'docker-compose-v2': '2.37.1+ds1-0ubuntu2~24.04.1',
      'docker-compose': '1.29.2-1'
    }
    t.match(
      lines(planEngine(factsOf({ os, candidates: candidates(apt) }), null).actions),
      / install docker\.io docker-compose-v2\n/
    )
  }
})

t.test('Debian 12 has not: Docker has', async t => {
  const apt = { 'docker.io': '20.10.24+dfsg1-1+deb12u1+b6', 'docker-compose': '1.29.2-3' }
  const { actions, notes } = planEngine(factsOf({ candidates: candidates(apt) }), null)
  const text = lines(actions)
  t.match(text, /curl -fsSL https:\/\/download\.docker\.com\/linux\/debian\/gpg -o \/etc\/apt\/keyrings\/docker\.asc/)
  t.match(
    text,
    /\+ deb \[arch=amd64 signed-by=\/etc\/apt\/keyrings\/docker\.asc\] https:\/\/download\.docker\.com\/linux\/debian bookworm stable/
  )
  t.match(text, / install docker-ce docker-ce-cli containerd\.io docker-compose-plugin\n/)
  t.match(notes?.[0], /itself has Docker 20\.10\.24/)
})

t.test('a mirror of Docker’s packages is taken where it is named', async t => {
  const apt = { 'docker.io': '28.2.2', 'docker-compose-v2': '2.37.1' }
  const facts = factsOf({ os: systems.ubuntu2404, candidates: candidates(apt), machine: 'aarch64' })
  t.match(
    lines(planEngine(facts, 'https://mirror.test/docker').actions),
    /arch=arm64 .* https:\/\/mirror\.test\/docker\/ubuntu noble stable/
  )
})

t.test('what is like RHEL gets Docker’s, for the release that it is built of', async t => {
  const rocky = lines(planEngine(factsOf({ os: systems.rocky9, packages: 'dnf' }), null).actions)
  t.match(rocky, /baseurl=https:\/\/download\.docker\.com\/linux\/centos\/9\/\$basearch\/stable/)
  t.match(rocky, /\$ dnf -y -q install docker-ce docker-ce-cli containerd\.io docker-compose-plugin/)
  const alinux = lines(planEngine(factsOf({ os: systems.alinux3, packages: 'yum' }), null).actions)
  t.match(alinux, /baseurl=https:\/\/mirrors\.aliyun\.com\/docker-ce\/linux\/centos\/8\/\$basearch\/stable/)
  t.match(alinux, /\$ yum -y -q install/)
})

t.test('an engine without the plugin gets what goes with it', async t => {
  const there = { docker: 'Docker version 28.2.2', engine: '28.2.2', enginestarts: 'enabled' }
  const had = (name: string): string => `${name}:\n  Installed: 28.2.2\n  Candidate: 28.2.2\n  Version table:\n`
  const own = factsOf({
    ...there,
    os: systems.ubuntu2404,
    candidates: had('docker.io') + candidates({ 'docker-compose-v2': '2.37.1' })
  })
  t.match(lines(planEngine(own, null).actions), / install docker-compose-v2\n/)
  const theirs = factsOf({
    ...there,
    candidates:
      had('docker-ce') +
      candidates({ 'docker-compose-v2': '2.37.1', 'docker-compose-plugin': '2.39.1', 'docker-compose': '2.26.1' })
  })
  t.match(lines(planEngine(theirs, null).actions), / install docker-compose-plugin\n/)
})

t.test('an engine that no plugin goes with is not replaced for one', async t => {
  const there = { docker: 'Docker version 28.2.2', engine: '28.2.2', enginestarts: 'enabled' }
  const own = 'docker.io:\n  Installed: 28.2.2\n  Candidate: 28.2.2\n  Version table:\n'
  const facts = factsOf({ ...there, candidates: own + candidates({ 'docker-compose-plugin': '2.39.1' }) })
  t.throws(() => planEngine(facts, null), { code: 'SERVER_COMPOSE_OLD', detail: /none that goes with docker\.io/ })
})

t.test('what is there and new enough is left, but for its start at boot', async t => {
  const there = { docker: 'Docker version 28.2.2', engine: '28.2.2', compose: '2.39.1' }
  t.same(planEngine(factsOf({ ...there, enginestarts: 'enabled' }), null).actions, [])
  t.equal(lines(planEngine(factsOf(there), null).actions), '$ systemctl enable --now docker')
  t.notOk(isUnlisted(factsOf(there)))
  t.ok(isUnlisted(factsOf()), 'apt that has never been asked')
})
