import type { NextConfig } from 'next'

const config: NextConfig = {
  output: 'standalone',
  generateBuildId: () => process.env.BUILD_ID || null, // null: Next makes one up
  // In the code that the browser gets, so that two builds differ in their chunks even when nothing else does.
  env: { NEXT_PUBLIC_BUILD_ID: process.env.BUILD_ID || 'unnamed' },
  images: { unoptimized: true },
  outputFileTracingExcludes: { '*': ['node_modules/sharp/**', 'node_modules/@img/**'] } // 18 MB that resize images
}

export default config
