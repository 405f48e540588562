import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { servers } from '../../compose/env/environment.ts'
import { exampleEnv } from '../../compose/env/example.ts'
import { project } from '../doubles/command.ts'

for (const server of servers) {
  t.test(`${server}.env is what the rows say: node scripts/env-examples.ts --write`, async t => {
    t.equal(readFileSync(join(project, 'docs/examples', `${server}.env`), 'utf8'), exampleEnv(server))
  })
}
