/** From here on a run of token characters is long enough to be a secret. */
const tokenLength = 32
/** A target longer than this is cut in the log: a 16 kB one would push out forty others. */
const longest = 1_024
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const fileExtension = /\.[A-Za-z0-9]{1,5}$/

/**
 * The target of a request as it may be logged: names of query parameters, but no value; `*` for path segments that look
 * like a token (a JWT, or 32 and more of letters mixed with digits); controls and bytes above 0x7e percent-escaped.
 * @param target path and query, one latin1 character per byte
 */
export function redactTarget(target: string): string {
  if (isPlain(target)) return target
  const cut = endOfPath(target)
  const path = target.slice(0, cut).split('/').map(redactSegment).join('/')
  const mark = target[cut]
  // A fragment never belongs here: some sign-in flows carry the token in one.
  const rest =
    mark === '?'
      ? `?${target
          .slice(cut + 1)
          .split('&')
          .map(redactParameter)
          .join('&')}`
      : mark === '#'
        ? '#*'
        : ''
  const redacted = escapeBytes(path + rest)
  return redacted.length > longest ? `${redacted.slice(0, longest)}...` : redacted
}

/** Most requests have nothing to hide: one pass over the characters tells, without a regular expression. */
function isPlain(target: string): boolean {
  let segmentStart = 0
  for (let i = 0; i < target.length; i++) {
    const c = target.charCodeAt(i)
    if (c === 0x2f) segmentStart = i + 1
    else if (c <= 0x20 || c >= 0x7f || c === 0x3f || c === 0x23 || c === 0x3b)
      return false // ? # ;
    else if (i - segmentStart >= tokenLength - 1) return false
    else if (c === 0x4a && i === segmentStart + 2 && target.startsWith('eyJ', segmentStart)) return false
  }
  return target.length <= longest
}

function endOfPath(target: string): number {
  const end = target.search(/[?#]/)
  return end === -1 ? target.length : end
}

function redactSegment(segment: string): string {
  // `;jsessionid=…` and its like: what follows the semicolon is a parameter.
  const semicolon = segment.indexOf(';')
  if (semicolon !== -1) return `${redactSegment(segment.slice(0, semicolon))};*`
  return isToken(segment) ? '*' : segment
}

function isToken(segment: string): boolean {
  if (/^eyJ(?:[\w-]{8}|[\w-]*\.)/.test(segment)) return true // `{"` in base64url: a JWT, whatever follows
  if (segment.length < tokenLength || fileExtension.test(segment) || uuid.test(segment)) return false
  // %2B, %2F and %3D are base64's +, / and =: they do not end a token.
  return segment.split(/(?:(?!%2b|%2f|%3d)[^\w+=-])/i).some(run => run.length >= tokenLength && isMixed(run))
}

function isMixed(run: string): boolean {
  return /\d/.test(run) && /[A-Za-z]/.test(run)
}

/** A bare parameter, or one with nothing behind its `=`, may itself be the secret (base64 ends in `=`). */
function redactParameter(parameter: string): string {
  if (parameter === '') return ''
  const equals = parameter.indexOf('=')
  if (equals === -1 || /^=*$/.test(parameter.slice(equals + 1))) return '*'
  const name = parameter.slice(0, equals)
  return `${name.length >= tokenLength ? '*' : redactSegment(name)}=*`
}

function escapeBytes(text: string): string {
  return text.replace(/[^\x21-\x7e]/g, found => {
    const code = found.charCodeAt(0)
    if (code > 0xff) return encodeURIComponent(found.isWellFormed() ? found : '\ufffd')
    return `%${code.toString(16).toUpperCase().padStart(2, '0')}`
  })
}
