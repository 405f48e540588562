'use client'

/** What a reader sees when a chunk cannot be loaded: that of an earlier build, for one. */
export default function Failed({ error }: { error: Error }) {
  return (
    <section>
      <h2>That did not work</h2>
      <p data-testid="error">{`${error.name}: ${error.message}`}</p>
      <button type="button" onClick={() => location.reload()}>
        Reload
      </button>
    </section>
  )
}
