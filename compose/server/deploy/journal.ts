import { join } from 'node:path'
import { appendLine, readLines } from '../../record/lines.ts'
import type { DeployLine } from './records.ts'

/** @param site FOLDER/site @returns oldest first */
export async function readDeploys(site: string): Promise<DeployLine[]> {
  const lines = (await readLines(pathIn(site))) as DeployLine[]
  return lines.filter(({ id, event }) => typeof id === 'string' && typeof event === 'string')
}

/**
 * Each deploy has one beginning and one end here, however often a laptop that lost the answer writes them.
 * @throws EdgeError EDGE_STATE_UNWRITABLE or EDGE_DISK_FULL with the path
 */
export async function writeDeploy(site: string, line: DeployLine): Promise<void> {
  const isBeginning = line.event === 'begun'
  const isSame = ({ id, event }: DeployLine): boolean => id === line.id && (event === 'begun') === isBeginning
  if (!(await readDeploys(site)).some(isSame)) await appendLine(pathIn(site), line)
}

function pathIn(site: string): string {
  return join(site, 'deploys.jsonl')
}
