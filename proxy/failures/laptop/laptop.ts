import type { FailureRow } from '../row.ts'
import { deployFailures } from './deploys.ts'
import { lookFailures } from './looks.ts'
import { serverFailures } from './servers.ts'
import { shippingFailures } from './shipping.ts'
import { siteFailures } from './site.ts'
import { sshFailures } from './ssh.ts'

/** What stops a command on the operator's own machine. */
export const laptopFailures = {
  ...siteFailures,
  ...sshFailures,
  ...serverFailures,
  ...shippingFailures,
  ...deployFailures,
  ...lookFailures
} as const satisfies Record<string, FailureRow>
