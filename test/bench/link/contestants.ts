import type { Kernel } from '../../doubles/wan/place.ts'
import type { Contestant } from '../contestants.ts'

/** Who carries requests from one server to the other. */
export interface LinkContestant extends Contestant {
  /** Of both servers. */
  readonly kernel: Kernel
  /** Of its other half, on the backend; without one the frontend goes to the API's published port. */
  readonly backend?: string
}

const nginx = {
  binary: 'nginx',
  get: 'apt install nginx',
  args: ['-c', '{{config}}'],
  version: ['-v'],
  protocols: ['h1', 'h2']
} as const
const twinedge = {
  binary: 'scripts/twinedge',
  get: 'npm install',
  config: 'link-frontend.yaml',
  backend: 'link-backend.yaml',
  args: ['run', '--config', '{{config}}'],
  package: '.',
  version: [],
  protocols: ['h1', 'h2']
} as const

/** The first is what ratios are to. */
export const linkContestants: readonly LinkContestant[] = [
  { name: 'nginx (manual)', config: 'manual.conf', kernel: 'stock', ...nginx },
  { name: 'nginx (tuned) + BBR', config: 'tuned.conf', kernel: 'tuned', ...nginx },
  { name: 'twinedge', kernel: 'stock', ...twinedge },
  { name: 'twinedge + BBR', kernel: 'tuned', ...twinedge }
]
