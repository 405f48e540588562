import { appendFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readDeploys, writeDeploy } from '../../../../compose/server/deploy/journal.ts'
import type { Begun, Ended } from '../../../../compose/server/deploy/records.ts'

const begun = { event: 'begun', id: 'a', number: 1 } as Begun
const done = { event: 'done', id: 'a' } as Ended

t.test('one beginning and one end, however often they are written; half a line costs no other', async t => {
  const site = join(t.testdir(), 'site')
  for (const line of [begun, begun, done, { ...done, event: 'failed' } as Ended]) await writeDeploy(site, line)
  t.strictSame(await readDeploys(site), [begun, done])
  appendFileSync(join(site, 'deploys.jsonl'), '{"event":"begun","id":"b"')
  await writeDeploy(site, { ...begun, id: 'c' })
  t.strictSame(
    (await readDeploys(site)).map(({ id }) => id),
    ['a', 'a', 'c']
  )
  t.equal(statSync(join(site, 'deploys.jsonl')).mode & 0o777, 0o600)
})
