import { planTuning } from '../../host/plan.ts'
import type { Step } from '../bootstrap/step.ts'

export const tuneKernel: Step = {
  name: 'kernel',
  remains: 'settings that were changed stay; `twinedge link tune --undo` puts them back',
  async plan({ facts, server }) {
    const { changes } = planTuning(facts.host, facts.tuned)
    if (changes.length === 0) return { actions: [] }
    return {
      actions: [{ run: [`${server.folder}/tool/scripts/twinedge`, 'link', 'tune', '--yes'] }],
      notes: changes.map(({ name, from, to }) => `${name}: ${from} → ${to}`)
    }
  }
}
