import { tune } from '../../scripts/link/tune.ts'
import { printFailure } from '../../scripts/terminal.ts'

/** `twinedge link tune ARGS` on another root, as another user: ROOT MODPROBE USER-ID ARGS. */
const [root = '', modprobe = '', userId = '', ...args] = process.argv.slice(2)
process.exitCode = await tune(args, { root, modprobe }, Number(userId)).catch((cause: unknown) => {
  printFailure(cause)
  return 1
})
