// Runs in its own container, started by login-flood.ts. Every second for SECONDS it sends ATTEMPTS concurrent logins with the
// correct password, without waiting for earlier ones. Prints the number of responses of each status as JSON.
import { setTimeout as sleep } from 'node:timers/promises'

const [url = '', username = '', password = '', attempts = '120', seconds = '10'] = process.argv.slice(2)
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
    () => 'no response',
  )
  statuses[status] = (statuses[status] ?? 0) + 1
}

const rounds: Promise<void>[] = []
for (let round = 0; round < Number(seconds); round++) {
  rounds.push(...Array.from({ length: Number(attempts) }, logIn))
  await sleep(1_000)
}
await Promise.all(rounds)
console.log(JSON.stringify(statuses))
