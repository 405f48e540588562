/** For a command: limits of time end a hundred times as soon, while everything else goes on at its own pace. */
const program = 'const limit = AbortSignal.timeout; AbortSignal.timeout = ms => limit.call(AbortSignal, ms / 100)'

export const fastLimits = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(program)}` }
