/** A chunk of its own: its name changes with the build, and after a deploy the earlier one is gone from the server. */
export default function Details() {
  const chunks = performance.getEntriesByType('resource').filter(entry => entry.name.includes('/_next/static/'))
  return (
    <>
      <p data-testid="details">
        So did this chunk, of build <code>{process.env.NEXT_PUBLIC_BUILD_ID}</code>. Loaded so far:
      </p>
      <ul>
        {chunks.map(({ name }) => (
          <li key={name}>
            <code>{new URL(name).pathname}</code>
          </li>
        ))}
      </ul>
    </>
  )
}
