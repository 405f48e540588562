import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { EdgeError } from '../../proxy/errors.ts'
import type { Answered, Asked, Question, Questions } from './protocol.ts'

export type Answers = { readonly [Q in Question]: (asked: Questions[Q]['with']) => Promise<Questions[Q]['answer']> }

/** A laptop that is there asks something every half a minute: `hello`, if nothing else. */
const silenceMs = 5 * 60_000

/**
 * Answers a laptop's questions until it goes; several at once.
 * @param leaveMs without a question, and with none under way, after which it has gone: a line that was cut does not tell
 * @returns when `input` has ended and every answer has been written
 */
export async function answer(input: Readable, output: Writable, answers: Answers, leaveMs = silenceMs): Promise<void> {
  const under = new Set<Promise<void>>()
  output.on('error', () => {}) // the laptop is gone: so is its input
  const lines = createInterface({ input })
  const silence = setTimeout(() => {
    if (under.size > 0) silence.refresh()
    else lines.close()
  }, leaveMs)
  for await (const line of lines) {
    silence.refresh()
    const question = questionIn(line)
    if (question === null) continue
    const { id, ask, with: asked } = question
    const one = reply(id, ask, asked, answers).then(text => void output.write(`${JSON.stringify(text)}\n`))
    under.add(one)
    void one.finally(() => under.delete(one))
  }
  clearTimeout(silence)
  await Promise.allSettled(under)
}

/** @returns null for half of one: the line was cut, and the input is about to end */
function questionIn(line: string): Asked | null {
  try {
    return JSON.parse(line) as Asked
  } catch {
    return null
  }
}

async function reply(id: number, ask: string, asked: unknown, answers: Answers): Promise<Answered> {
  try {
    if (!Object.hasOwn(answers, ask)) throw new EdgeError('SERVER_TOOL_OTHER', `the tool here does not know "${ask}"`)
    const found = (answers as Record<string, (asked: unknown) => Promise<unknown>>)[ask]!
    return { id, answer: await found(asked) }
  } catch (cause) {
    if (cause instanceof EdgeError) return { id, failure: { code: cause.code, detail: cause.detail } }
    return { id, failure: { code: 'EDGE_INTERNAL', detail: cause instanceof Error ? cause.message : String(cause) } }
  }
}
