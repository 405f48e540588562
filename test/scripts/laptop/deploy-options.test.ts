import { writeFileSync } from 'node:fs'
import t from 'tap'
import { makingOf, partsOf, siteMannerOf, typed } from '../../../scripts/laptop/deploy-options.ts'
import { twinedge } from '../../doubles/command.ts'

t.test('both halves, unless one is named', async t => {
  t.strictSame(partsOf({}), ['api', 'web'])
  t.strictSame(partsOf({ full: true }), ['api', 'web'])
  t.strictSame(partsOf({ 'backend-only': true }), ['api'])
  t.strictSame(partsOf({ 'frontend-only': true }), ['web'])
  t.throws(() => partsOf({ 'backend-only': true, 'frontend-only': true }), { code: 'EDGE_USAGE', detail: /choose one/ })
})

t.test('what cannot both be meant is refused', async t => {
  const two = [
    { 'skip-build': true, 'frontend-artifact': 'a.tar.gz' },
    { 'skip-build': true, 'cold-build': true },
    { 'skip-build': true, ref: 'main' },
    { 'from-local': true, ref: 'main' },
    { 'backend-only': true, 'frontend-artifact': 'a.tar.gz' },
    { 'skip-build': true, platform: 'linux/arm64' },
    { 'cold-build': true, platform: 'linux/arm64' },
    { 'frontend-only': true, 'frontend-artifact': 'a.tar.gz', ref: 'main' },
    { 'frontend-only': true, 'frontend-artifact': 'a.tar.gz', 'from-local': true }
  ]
  for (const values of two) t.throws(() => makingOf(values), { code: 'EDGE_USAGE' }, Object.keys(values).join(' '))
  t.match(makingOf({ 'frontend-artifact': 'a.tar.gz', ref: 'main' }), { ref: 'main' }, 'the API is of that')
  t.match(makingOf({ ref: 'main', platform: 'linux/arm64' }), {
    ref: 'main',
    platform: 'linux/arm64',
    isSkipped: false
  })
})

t.test('a release to go back to is always kept', async t => {
  const { code, err } = await twinedge(['deploy', '--keep', '1'])
  t.match({ code, err }, { code: 2, err: /^EDGE_USAGE: --keep: expected 2 or more/ })
  t.match(siteMannerOf({ keep: '2' }), { keep: 2 })
})

t.test('what only one server can be asked for is refused for both', async t => {
  for (const values of [{ json: true }, { 'break-lock': 'ann@desk' }, { 'candidate-env': ['A'] }]) {
    const [name] = Object.keys(values)
    t.throws(() => siteMannerOf(values), { code: 'EDGE_USAGE', detail: `--${name} is not for both servers at once` })
  }
})

t.test('what stands behind -- is another command’s, even if it asks for help', async t => {
  t.notMatch(
    (await twinedge(['exec', 'api', '--site', '/nonexistent.yaml', '--', 'psql', '-h', 'db'])).out,
    /twinedge exec/
  )
})

t.test('what others are told of a command is without what its options say', async t => {
  const options = { 'hand-over': { type: 'string' }, 'skip-build': { type: 'boolean' } } as const
  const args = ['--skip-build', '--hand-over', 'curl -H token:x', '--hand-over=y']
  t.equal(typed('deploy', args, options), 'deploy --skip-build --hand-over --hand-over')
})

t.test('a variable of the candidate’s goes over no line of commands', async t => {
  const site = 'servers: { single: { ssh: there, address: 198.51.100.4 } }'
  const folder = t.testdir({ 'deploy.yaml': `domains: example.com\n${site}\nweb: { source: . }\napi: { source: . }\n` })
  const args = ['restart', 'api', '--site', `${folder}/deploy.yaml`, '--candidate-env', 'A=b', '--hand-over', 'true']
  t.match(await twinedge(args), { code: 2, err: /^EDGE_USAGE: --candidate-env is for the server itself: ssh there,/ })
  const two =
    'servers: { frontend: { ssh: front, address: 198.51.100.4 }, backend: { ssh: back, address: 198.51.100.5 } }'
  writeFileSync(`${folder}/deploy.yaml`, `domains: example.com\n${two}\nweb: { source: . }\napi: { source: . }\n`)
  const hintOf = async (part: string) => (await twinedge(args.with(1, part))).err
  t.match(await Promise.all([hintOf('web'), hintOf('api')]), [/itself: ssh front,/, /itself: ssh back,/])
})
