import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { UpstreamConfig } from '../../../../proxy/config/config.ts'
import { ActiveSlots } from '../../../../proxy/upstream/slots/active-slots.ts'

const now = new Date('2026-11-22T12:00:00Z')

async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'twinedge-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

function config(name: string, slots = ['blue', 'green']): UpstreamConfig {
  const rest = { hasElse: false, keepAliveMs: 4_000, connectMs: 5_000, connections: 0, health: null }
  return { name, slots: new Map(slots.map(slot => [slot, 'http://127.0.0.1:1'])), ...rest }
}

t.test('what was promoted is found again, by name, and nobody else may write it', async t => {
  const path = await folder(t)
  const warnings: string[] = []
  const active = await ActiveSlots.load(path, now, warning => warnings.push(warning))
  t.equal(active.of(config('web')), undefined)
  await active.store('web', 'green')
  await active.store('api', 'blue')
  const again = await ActiveSlots.load(path, now, warning => warnings.push(warning))
  t.same([again.of(config('web')), again.of(config('api')), again.of(config('other'))], ['green', 'blue', undefined])
  t.equal((await stat(join(path, 'active-slots.json'))).mode & 0o777, 0o600)
  t.same(warnings, [])
})

for (const damaged of ['', '{"web":"gre', '[]', 'null', '"green"', '{"web":1}']) {
  t.test(`${JSON.stringify(damaged)} is no reason not to start: it is told of, and kept aside`, async t => {
    const path = await folder(t)
    await writeFile(join(path, 'active-slots.json'), damaged)
    const warnings: string[] = []
    const active = await ActiveSlots.load(path, now, warning => warnings.push(warning))
    t.equal(active.of(config('web')), undefined)
    t.match(warnings, [/active-slots\.json is damaged: the first slot .* it is now .*broken-/])
    t.equal(warnings.length, 1)
    const [aside = ''] = await readdir(path)
    t.equal(await readFile(join(path, aside), 'utf8'), damaged)
    await active.store('web', 'blue')
    t.equal((await ActiveSlots.load(path, now, () => t.fail())).of(config('web')), 'blue')
  })
}

t.test('a slot that is not configured any more is told of, and not forgotten', async t => {
  const path = await folder(t)
  const warnings: string[] = []
  const active = await ActiveSlots.load(path, now, warning => warnings.push(warning))
  await active.store('web', 'green')
  t.equal(active.of(config('web', ['blue', 'red'])), undefined)
  t.match(warnings, [/web has no slot "green" any more \(blue, red\)/])
  await active.store('api', 'blue')
  t.equal(active.of(config('web')), 'green')
})
