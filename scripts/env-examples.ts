import { writeFileSync } from 'node:fs'
import { servers } from '../compose/env/environment.ts'
import { exampleEnv } from '../compose/env/example.ts'

/** The examples of `.env`, from the rows that also check one. `--write` brings the files up to date. */
if (import.meta.main) {
  for (const server of servers) {
    if (!process.argv.includes('--write')) process.stdout.write(exampleEnv(server))
    else writeFileSync(new URL(`../docs/examples/${server}.env`, import.meta.url), exampleEnv(server))
  }
}
