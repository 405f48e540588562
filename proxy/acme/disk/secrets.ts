import { readFile } from 'node:fs/promises'
import type { AcmeConfig } from '../../config/config.ts'
import { EdgeError } from '../../errors.ts'

/** What the operator keeps in files of their own, as text. */
export interface Secrets {
  /** PEM roots for the directory; null: Node's. */
  readonly directoryCa: string | null
  readonly eab: { readonly kid: string; readonly hmacKey: string } | null
}

/** Reads them anew for each order, since they may be replaced. @throws EdgeError TLS_FILE_UNREADABLE */
export async function readSecrets({ directoryCa, eab }: AcmeConfig): Promise<Secrets> {
  return {
    directoryCa: directoryCa === null ? null : await read(directoryCa),
    eab: eab === null ? null : { kid: eab.kid, hmacKey: (await read(eab.keyFile)).trim() }
  }
}

async function read(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(cause => {
    throw new EdgeError('TLS_FILE_UNREADABLE', `${path}: ${(cause as Error).message}`, cause)
  })
}
