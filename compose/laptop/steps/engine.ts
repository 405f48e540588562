import type { Step } from '../bootstrap/step.ts'
import { isUnlisted, planEngine, refresh } from '../packages/engine.ts'

export const installEngine: Step = {
  name: 'engine',
  remains: 'packages that are installed already stay',
  async plan({ facts, orders }) {
    if (!isUnlisted(facts)) return planEngine(facts, orders.repository)
    const then = 'apt has no lists of packages yet: what is installed then is told once they are there'
    return { actions: [refresh], notes: [then] }
  }
}
