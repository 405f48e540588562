import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { importAll } from '../../../proxy/acme/requests.ts'
import { SimulatedAuthority } from '../../doubles/authority/simulated-authority.ts'
import { openUpkeep } from '../../fixtures/upkeep.ts'

const begin = Date.UTC(2026, 10, 22, 12)
const skip = whyNot()

/** A real disk of a few kilobytes. */
function smallDisk(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'twinedge-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder])
  t.teardown(() => {
    execFileSync('umount', [folder])
    rmdirSync(folder)
  })
  return folder
}

function fill(folder: string): void {
  // To the last page: a small file must not fit either.
  for (const size of [48_000, 4_096, 4_096, 4_096, 4_096, 1, 1, 1]) {
    try {
      writeFileSync(join(folder, `filler-${Math.random()}`), Buffer.alloc(size))
    } catch {}
  }
}

function free(folder: string): void {
  execFileSync('sh', ['-c', 'rm -f filler-*'], { cwd: folder })
}

t.test('a full disk', { skip }, async t => {
  t.test('is seen before anything is ordered, told, and tried again when there is room', async t => {
    const folder = smallDisk(t)
    const clock = { nowMs: begin }
    const authority = await SimulatedAuthority.make(clock, 90)
    const { upkeep, told } = await openUpkeep(t, { clock, authority, folder })
    fill(folder)
    await upkeep.runDue()
    t.equal(authority.asked.length, 0)
    t.match(told, [['warn', 'certificate not renewed', { code: 'EDGE_DISK_FULL', next: /df -h/ }]])
    t.match(told[0]![2].detail, /no space left/)
    await upkeep.runDue()
    t.equal(told.length, 1, 'not again before its pause is over')
    free(folder)
    clock.nowMs = upkeep.nextAt().getTime()
    await upkeep.runDue()
    t.ok(upkeep.renewals[0]!.pair)
  })

  t.test('an import that finds no room is told of, and is not stored behind the operator later', async t => {
    const folder = smallDisk(t)
    const clock = { nowMs: begin }
    const authority = await SimulatedAuthority.make(clock, 90)
    const { upkeep } = await openUpkeep(t, { clock, authority, folder })
    await upkeep.runDue()
    clock.nowMs += 3_600_000
    const pair = await authority.issue(['example.test'])
    fill(folder)
    await t.rejects(importAll(upkeep, { certificates: [{ source: 'a', ...pair }] }), { code: 'EDGE_DISK_FULL' })
    t.notOk(upkeep.renewals[0]!.isUnsaved)
  })

  t.test('while an order runs: what was issued is kept, and stored without a second order', async t => {
    const folder = smallDisk(t)
    const clock = { nowMs: begin }
    const authority = await SimulatedAuthority.make(clock, 90)
    const { upkeep, told, store, stored } = await openUpkeep(t, { clock, authority, folder })
    authority.during = async () => fill(folder)
    await upkeep.runDue()
    t.equal(authority.asked.length, 1)
    t.match(told, [['warn', 'certificate not renewed', { code: 'EDGE_DISK_FULL' }]])
    t.notOk(existsSync(store.pathOf('example.test')))
    free(folder)
    clock.nowMs = upkeep.nextAt().getTime()
    await upkeep.runDue()
    t.equal(authority.asked.length, 1)
    t.ok(existsSync(store.pathOf('example.test')))
    t.equal(stored.count, 1)
    t.match(upkeep.renewals[0]!.status(new Date(clock.nowMs)), {
      failures: 0,
      state: 'waiting'
    })
  })
})

function whyNot(): string {
  if (process.getuid?.() !== 0) return 'needs root, to mount a small disk'
  const folder = mkdtempSync(join(tmpdir(), 'twinedge-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], { stdio: 'ignore' })
    execFileSync('umount', [folder])
    return ''
  } catch {
    return 'no small disk can be mounted here'
  } finally {
    rmdirSync(folder)
  }
}
