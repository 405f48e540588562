/** The health check asks for this page: static, so that it says only whether the server runs. */
export default function Login() {
  return (
    <section>
      <h2>Sign in</h2>
      <p data-testid="login">Nobody has to: this is a sample.</p>
    </section>
  )
}
