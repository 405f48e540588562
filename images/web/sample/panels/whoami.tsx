'use client'

import { useEffect, useState } from 'react'

export const api = '/api/v1/'

/** What the API says of itself and of the request that reached it. */
export function Whoami() {
  const [rows, setRows] = useState<[string, unknown][]>([['status', '…']])
  useEffect(() => {
    fetch(`${api}whoami`)
      .then(async response => setRows(response.ok ? Object.entries(await response.json()) : [['status', response.status]]))
      .catch(() => setRows([['status', 'no answer']]))
  }, [])
  return rows.map(([name, value]) => (
    <div key={name}>
      <dt>api {name}</dt>
      <dd>
        <code data-testid={`api-${name}`}>{typeof value === 'string' ? value : JSON.stringify(value)}</code>
      </dd>
    </div>
  ))
}
