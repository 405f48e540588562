/** What the engine knows of one container of a stack. */
export interface Container {
  readonly id: string
  readonly service: string
  /** The reference that it was made from, and what that meant then. */
  readonly image: string
  readonly imageId: string
  readonly state: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead'
  /** `none`: its image has no health check. */
  readonly health: 'none' | 'starting' | 'healthy' | 'unhealthy'
  /** What the last health check said; null before the first. */
  readonly lastCheck: string | null
  readonly exitCode: number
  /** By the engine, since it was made: one that ends again and again. */
  readonly restarts: number
  readonly isOutOfMemory: boolean
  /** 0: none. */
  readonly memoryLimitBytes: number
  readonly restart: string
  readonly startedAt: string
  readonly labels: Readonly<Record<string, string>>
  /** Where each of its mounts lies on the host, by its path within. */
  readonly mounts: Readonly<Record<string, string>>
  /** Where its process starts, as its image has it. */
  readonly workingFolder: string
}
