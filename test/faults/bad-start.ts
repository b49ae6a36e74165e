// A node starts with invalid settings. It must not disturb the running nodes.
import { setTimeout as sleep } from 'node:timers/promises'
import { command } from '../support/command.ts'
import { until } from '../support/until.ts'
import type { Fault, Watch } from './fault.ts'
import type { Stack } from './stack.ts'

/** The invalid settings, and the pattern of the one line that must name them. */
const MISTAKES: { what: string; settings: Record<string, string>; says: RegExp }[] = [
  {
    what: 'a wrong password',
    settings: { REDIS_PASSWORD_FILE: '/app/package.json' },
    says: /WRONGPASS.*REDIS_PASSWORD_FILE/,
  },
  {
    what: 'a missing secret',
    settings: { REDIS_PASSWORD_FILE: '/nowhere' },
    says: /REDIS_PASSWORD_FILE: cannot read \/nowhere/,
  },
  { what: 'a bad REDIS_URL', settings: { REDIS_URL: 'http://redis' }, says: /REDIS_URL: is not a redis:\/\// },
  {
    what: 'an address without a Redis',
    settings: { REDIS_URL: 'redis://127.0.0.1:1' },
    says: /127\.0\.0\.1:1: .*ECONNREFUSED.*REDIS_URL/,
  },
  { what: 'a bad variable', settings: { SESSION_TTL_SECONDS: 'soon' }, says: /SESSION_TTL_SECONDS/ },
]
/** Docker waits 0.1 s before it restarts a container, then twice as long each time: in ten seconds that is seven times. */
const OBSERVED_MS = 10_000
const MOST_RESTARTS = 7

const badStart: Fault = {
  name: 'bad-start',
  title: 'A node is started with bad settings',
  tolerated: { get: [], post: [] },
  slowestMs: 2_000,
  recoverMs: 1_500,
  seconds: 18,
  async happen(stack, watch) {
    await Promise.all([...MISTAKES.map((mistake) => expectOneLine(watch, mistake)), expectNoStorm(stack, watch)])
  },
}

/** Neither container has the nodes' name in nginx's network, so nginx sends them no request. */
const run = (settings: Record<string, string>, ...options: string[]) => [
  ...['compose', 'run', '--no-deps', '--no-TTY', ...options],
  ...Object.entries(settings).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
  'app',
]

async function expectOneLine(watch: Watch, { what, settings, says }: (typeof MISTAKES)[number]): Promise<void> {
  const { code, output } = await command('docker', run(settings, '--rm'))
  const lines = output.split('\n').filter((line) => line.startsWith('{'))
  watch.expect(code === 1, `${what}: the node exited with status ${code}`)
  watch.expect(
    lines.length === 1 && says.test(lines[0] ?? ''),
    `${what}: the node printed ${lines.join(' ') || 'nothing'}`,
  )
}

/** With the nodes' restart policy. */
async function expectNoStorm(stack: Stack, watch: Watch): Promise<void> {
  const name = `${stack.project}-bad-start`
  const { code, output } = await command('docker', run({ SESSION_TTL_SECONDS: 'soon' }, '--detach', '--name', name))
  try {
    watch.expect(code === 0, `the node could not be started: ${output}`)
    await stack.docker('update', '--restart', 'unless-stopped', name)
    await stack.docker('start', name)
    await sleep(OBSERVED_MS)
    const countRestarts = async () => Number(await stack.docker('inspect', '--format', '{{.RestartCount}}', name))
    const restarts = await countRestarts()
    watch.expect(restarts <= MOST_RESTARTS, `the node restarted ${restarts} times in ten seconds`)
    // On a busy machine, a container takes longer than that to start and exit once.
    await until('the node has restarted', async () => (await countRestarts()) > 0)
  } finally {
    await stack.docker('rm', '--force', name)
  }
}

export const startFaults = [badStart]
