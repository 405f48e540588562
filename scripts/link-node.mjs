// Runs on whatever Node the machine has (20 is enough): makes node_modules/.bin/node the Node that this project brings,
// so that every npm script and scripts/twinedge run on it. npm 12 blocks the install scripts of dependencies, not ours.
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'

const brought = `node_modules/node-linux-${process.arch}/bin/node`
if (existsSync(brought)) {
  mkdirSync('node_modules/.bin', { recursive: true })
  rmSync('node_modules/.bin/node', { force: true })
  symlinkSync(`../node-linux-${process.arch}/bin/node`, 'node_modules/.bin/node')
} else if (Number(process.versions.node.split('.')[0]) < 26) {
  console.error(
    `twinedge brings Node 26 for Linux on x64 and arm64; this is ${process.platform}-${process.arch} with Node ${process.versions.node}.\n` +
      'Next step: put Node 26.5.1 or later first in PATH, then run npm install again.'
  )
  process.exit(1)
}
