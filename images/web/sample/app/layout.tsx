import type { Metadata } from 'next'
import Image from 'next/image'
import Link from 'next/link'
import type { ReactNode } from 'react'
import './style.css'

export const metadata: Metadata = { title: 'twinedge sample', icons: { icon: '/logo.png' } }

/** Without prefetch: a route's chunks are fetched on the click, as in a tab that has been open since an earlier build. */
export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        <header>
          <Image src="/logo.png" alt="" width={28} height={28} data-testid="logo" />
          <h1>twinedge sample</h1>
          <nav>
            <Link href="/" prefetch={false}>
              Chat
            </Link>
            <Link href="/build" prefetch={false} data-testid="to-build">
              Build
            </Link>
            <Link href="/login" prefetch={false} data-testid="to-login">
              Sign in
            </Link>
          </nav>
        </header>
        <main>{children}</main>
      </body>
    </html>
  )
}
