import { answerChecks } from '../findings/answers.ts'
import { certificateChecks } from '../findings/certificates.ts'
import { doorChecks, nameChecks } from '../findings/doors.ts'
import { bothClocks, lineChecks } from '../findings/line.ts'
import { partChecks, standbyBuild } from '../findings/parts.ts'
import { reachChecks } from '../findings/reach.ts'
import { roomChecks } from '../findings/room.ts'
import { sameEdges, unfinishedDeploy, upkeepChecks } from '../findings/upkeep.ts'
import type { ServerCheck, SiteCheck } from './finding.ts'

/** In the order in which one would look: what explains the rest comes first. */
export const serverChecks: readonly ServerCheck[] = [
  ...reachChecks,
  ...partChecks,
  ...answerChecks,
  ...upkeepChecks,
  ...roomChecks,
  ...lineChecks,
  ...doorChecks,
  ...certificateChecks
]

export const siteChecks: readonly SiteCheck[] = [unfinishedDeploy, standbyBuild, ...nameChecks, bothClocks, sameEdges]
