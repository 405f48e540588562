import { readEnvFile } from '../../../compose/env/env-file.ts'
import type { Environment, Server } from '../../../compose/env/environment.ts'
import { exampleEnv } from '../../../compose/env/example.ts'

export const goodSecret = 'q8Zr1mT0vXw6Yb3KfN5cGhJ9dLsA2eUi4oPx7tRk'

/** The example as an operator fills it in. */
export function filledText(server: Server): string {
  return exampleEnv(server)
    .replaceAll('example.com', 'site.cn')
    .replace('203.0.113.7', '10.0.0.7')
    .replace('198.51.100.4', '10.0.0.4')
    .replace('EXCELMANUS_JWT_SECRET=', `EXCELMANUS_JWT_SECRET=${goodSecret}`)
}

export function filled(server: Server, changes: Environment = {}): Environment {
  return { ...readEnvFile(filledText(server), '.env').env, ...changes }
}
