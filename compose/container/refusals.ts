import { EdgeError } from '../../proxy/errors.ts'

type Refusal = Error & { readonly statusCode?: number; readonly code?: string }

/** It is so already, or it is gone. */
export function calmly(call: Promise<unknown>): Promise<void> {
  return call.then(
    () => {},
    (cause: Refusal) => {
      if (cause.statusCode !== 304 && cause.statusCode !== 404) throw cause
    }
  )
}

/** @returns `otherwise` for what is not there, or is in use */
export async function orElse<T, E>(otherwise: E, ask: () => Promise<T>): Promise<T | E> {
  try {
    return await ask()
  } catch (cause) {
    if ([404, 409].includes((cause as Refusal).statusCode ?? 0)) return otherwise
    throw cause
  }
}

/** @throws EdgeError COMPOSE_REFUSED with what the engine says, COMPOSE_ENGINE_UNREACHABLE */
export async function asked<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (cause) {
    if (cause instanceof EdgeError) throw cause
    const { statusCode, code, message } = cause as Refusal
    if (statusCode !== undefined) throw new EdgeError('COMPOSE_REFUSED', `the engine: ${message}`, cause)
    throw new EdgeError('COMPOSE_ENGINE_UNREACHABLE', code ?? message, cause)
  }
}
