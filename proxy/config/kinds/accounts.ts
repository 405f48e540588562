import type { Kind } from './kind.ts'

/** Of an account at a certificate authority. */
export const email: Kind<string> = {
  name: 'e-mail address',
  expected: 'an e-mail address such as ops@example.com',
  // It is put into a mailto: URL as it stands, where %, # and ? would mean something else (RFC 6068 §2).
  read: written => (/^[\w.!$'*+/=^`{|}~-]+@(?:[a-z\d-]+\.)+[a-z\d-]+$/i.test(written) ? written : undefined),
  why: written => (written.startsWith('mailto:') ? 'the address alone, without mailto:' : undefined)
}

/** RFC 8555 §6.1: nothing of ACME goes in clear text. */
export const httpsUrl: Kind<string> = {
  name: 'URL',
  expected: 'a URL such as https://acme-v02.api.letsencrypt.org/directory',
  read: written => {
    const url = URL.parse(written)
    return url?.protocol === 'https:' && url.username + url.password + url.hash === '' ? url.href : undefined
  },
  why: written => (/^http:/i.test(written) ? 'https: keys and certificates are not asked for in clear text' : undefined)
}

/** What the directory calls it: draft-ietf-acme-profiles allows any string, and capitals are in use. */
export const profile: Kind<string> = {
  name: 'profile',
  expected: 'the name of a profile as the directory lists it, such as shortlived',
  read: written => (/^[!-~](?:[ -~]{0,98}[!-~])?$/.test(written) ? written : undefined)
}

/** RFC 7638 with SHA-256: 32 bytes in base64url. */
export const thumbprint: Kind<string> = {
  name: 'thumbprint',
  expected: 'a thumbprint of 43 letters, digits, - and _, as `twinedge certs` shows it on the other server',
  read: written => (/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/.test(written) ? written : undefined)
}
