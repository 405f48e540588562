import type { Kind } from './kind.ts'

/** Any text but none. */
export const text: Kind<string> = {
  name: 'text',
  expected: 'some text',
  read: written => (written === '' ? undefined : written)
}

/** A path of the file system; what it is relative to is decided where it is used. */
export const filePath: Kind<string> = {
  name: 'path',
  expected: 'a path such as certs/example.com.pem',
  read: written => (written === '' || /\p{Cc}/u.test(written) ? undefined : written)
}

/** The name that the operator gives to an upstream or a slot. Lower case, so that an environment variable can name it. */
export const name: Kind<string> = {
  name: 'name',
  expected: 'a name of lower-case letters, digits and hyphens, such as api',
  read: written => (/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(written) ? written : undefined)
}

/** What a probe asks for: a path, with a query if need be. */
export const requestPath: Kind<string> = {
  name: 'request path',
  expected: 'a path such as /api/v1/health',
  read: written => (/^\/(?!\/)[!-~]*$/.test(written) && !/[#\\]/.test(written) ? written : undefined)
}

/** What a route begins with. */
export const pathPrefix: Kind<string> = {
  name: 'path prefix',
  expected: 'a path that begins with /, such as /api/',
  read: written => {
    if (!/^\/[!-~]*$/.test(written) || /[?#*\\]/.test(written)) return undefined
    // A request's path is compared after its dot segments are gone: such a route could never match.
    return /\/\/|\/\.{1,2}(\/|$)/.test(written) ? undefined : written
  },
  why: written => {
    if (/^[~^]/.test(written)) return 'a plain prefix: regular expressions are not supported'
    if (written.includes('*')) return 'a plain prefix: /api/ is everything below it, without a *'
    if (/^\/.*[^ -~]/.test(written)) return 'other letters than ASCII percent-encoded, as in a request'
    return undefined
  }
}
