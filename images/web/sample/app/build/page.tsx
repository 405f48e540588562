'use client'

import { lazy, Suspense, useState } from 'react'

const Details = lazy(() => import('./details'))

/** A route with a chunk of its own, and one more that is fetched when it is asked for. */
export default function Build() {
  const [isOpen, setOpen] = useState(false)
  return (
    <section>
      <h2>Build</h2>
      <p data-testid="build">
        This page came with build <code>{process.env.NEXT_PUBLIC_BUILD_ID}</code>.
      </p>
      <button type="button" onClick={() => setOpen(true)} data-testid="show-details">
        Details
      </button>
      <Suspense fallback={<p>…</p>}>{isOpen && <Details />}</Suspense>
    </section>
  )
}
