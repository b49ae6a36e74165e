import { mkdir, readFile, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import autocannon from 'autocannon'
import { command, TOP } from '../support/command.ts'
import { hasK6 } from '../support/k6.ts'
import { percentile } from '../support/percentile.ts'
import type { Stack } from './tier.ts'

export interface Load {
  tier: Stack
  url: string
  /** The cookies of the sessions that send requests in turn. */
  cookies: readonly string[]
  seconds: number
  /** Requests per second. Undefined for as many as possible. */
  rate?: number
}

export interface LoadSaw {
  answered: number
  /** Requests without a response or with another status than 200. */
  failed: number
  seconds: number
  latencyMs: { p50: number; p95: number; p99: number }
  /** The processor time of the generator, its start included, as a share of all cores of this machine. */
  generatorShare: number
}

/** Users that send a request as soon as their last one is answered, where no rate is given. */
export const USERS = 16
const FILE = 'report/bench-load.json'

export const generator = () => (hasK6() ? 'k6' : 'autocannon')

/** Sends GET /api/user to one tier, with k6 if it is available, otherwise with autocannon. */
export async function putLoad(load: Load): Promise<LoadSaw> {
  const startedAt = performance.now()
  const { cpuSeconds, ...saw } = await (hasK6() ? withK6(load) : withAutocannon(load))
  const seconds = (performance.now() - startedAt) / 1000
  return { ...saw, generatorShare: cpuSeconds / seconds / availableParallelism() }
}

type Seen = Omit<LoadSaw, 'generatorShare'> & { cpuSeconds: number }

/** autocannon runs in this process. */
async function withAutocannon({ url, cookies, seconds, rate }: Load): Promise<Seen> {
  const latencies: number[] = []
  let connection = 0
  const before = process.cpuUsage()
  const result = await autocannon({
    url: `${url}/api/user`,
    connections: USERS,
    duration: seconds,
    ...(rate === undefined ? {} : { overallRate: rate }),
    setupClient(client) {
      const cookie = cookies[connection++ % cookies.length]
      if (cookie !== undefined) client.setHeaders({ Cookie: cookie })
      client.on('response', (_status, _bytes, ms) => latencies.push(ms))
    },
  })
  const { user, system } = process.cpuUsage(before)
  return {
    answered: result['2xx'],
    failed: result.non2xx + result.errors,
    seconds: result.duration,
    latencyMs: { p50: percentile(latencies, 0.5), p95: percentile(latencies, 0.95), p99: percentile(latencies, 0.99) },
    cpuSeconds: (user + system) / 1e6,
  }
}

/** The shell reports what its child has used: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/times.html */
const RUN_AND_REPORT_TIMES = '"$0" "$@"; status=$?; times; exit $status'

async function withK6({ tier, url, cookies, seconds, rate }: Load): Promise<Seen> {
  await mkdir(`${TOP}/loadtest/report`, { recursive: true })
  await rm(`${TOP}/loadtest/${FILE}`, { force: true })
  const settings = {
    BASE_URL: process.env.K6 ? url : `http://${tier.nginx}:8080`,
    LOAD_COOKIES: cookies.join(' '),
    LOAD_SECONDS: String(seconds),
    LOAD_RATE: rate === undefined ? '' : String(rate),
    LOAD_AT_ONCE: String(USERS),
    LOAD_REPORT: FILE,
  }
  const words = ['run', '--quiet', '--no-usage-report', 'bench.ts']
  const { code, output } = process.env.K6
    ? await command('sh', ['-c', `cd loadtest; ${RUN_AND_REPORT_TIMES}`, process.env.K6, ...words], settings)
    : await command(
        'docker',
        [
          ...['compose', 'run', '--rm', '--no-deps', '--no-TTY', '--entrypoint', 'sh'],
          ...Object.entries(settings).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
          ...['k6', '-c', RUN_AND_REPORT_TIMES, 'k6', ...words],
        ],
        // Its files belong to the current user, as with make loadtest.
        { K6_USER: `${process.getuid?.()}:${process.getgid?.()}` },
      )
  if (code !== 0) throw new Error(`k6 exited with status ${code}:\n${output}`)
  return { ...JSON.parse(await readFile(`${TOP}/loadtest/${FILE}`, 'utf8')), cpuSeconds: secondsOfChild(output) }
}

/** The last line of `times`: the user time and the system time of the children of the shell, each like 0m1.50s. */
export function secondsOfChild(output: string): number {
  const times = [...output.matchAll(/(\d+)m(\d+(?:\.\d+)?)s/g)].slice(-2)
  return times.reduce((sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds), 0)
}
