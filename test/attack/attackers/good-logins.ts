// Runs in a container of its own, started by login-flood.ts: keeps ATTEMPTS logins with the right password under way for
// SECONDS. Prints how often each status was answered, as JSON.
const [url = '', username = '', password = '', attempts = '120', seconds = '10'] = process.argv.slice(2)
const endsAt = performance.now() + Number(seconds) * 1000
const statuses: Record<string, number> = {}

async function logIn(): Promise<void> {
  const status = await fetch(`${url}/auth/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ username, password }),
    signal: AbortSignal.timeout(15_000),
  }).then(
    async (response) => {
      await response.arrayBuffer()
      return String(response.status)
    },
    () => 'no answer',
  )
  statuses[status] = (statuses[status] ?? 0) + 1
}

async function keepLoggingIn(): Promise<void> {
  while (performance.now() < endsAt) await logIn()
}

await Promise.all(Array.from({ length: Number(attempts) }, keepLoggingIn))
console.log(JSON.stringify(statuses))
