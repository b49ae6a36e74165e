import { mkdir, readFile, rm } from 'node:fs/promises'
import autocannon from 'autocannon'
import { command, TOP } from '../lib/command.ts'
import { hasK6 } from '../lib/k6.ts'
import { OURS, type Tier } from './tier.ts'

export interface Load {
  tier: Tier
  url: string
  /** Of the sessions that ask in turn. */
  cookies: readonly string[]
  seconds: number
  /** Requests a second; undefined for as many as are answered. */
  rate?: number
}

export interface LoadSaw {
  answered: number
  /** What got no answer, or another one than 200. */
  failed: number
  seconds: number
  latencyMs: { p50: number; p95: number; p99: number }
}

const AT_ONCE = 24
const FILE = 'report/bench-load.json'

export const generator = () => (hasK6() ? 'k6' : 'autocannon')

/** Asks GET /api/user of one tier, with k6 where it is to be had, otherwise with autocannon. */
export const putLoad = (load: Load): Promise<LoadSaw> => (hasK6() ? withK6(load) : withAutocannon(load))

async function withAutocannon({ url, cookies, seconds, rate }: Load): Promise<LoadSaw> {
  const latencies: number[] = []
  let connection = 0
  const result = await autocannon({
    url: `${url}/api/user`,
    connections: AT_ONCE,
    duration: seconds,
    ...(rate === undefined ? {} : { overallRate: rate }),
    setupClient(client) {
      const cookie = cookies[connection++ % cookies.length]
      if (cookie !== undefined) client.setHeaders({ Cookie: cookie })
      client.on('response', (_status, _bytes, ms) => latencies.push(ms))
    },
  })
  latencies.sort((a, b) => a - b)
  const percentile = (share: number) => latencies[Math.floor(share * (latencies.length - 1))] ?? Number.NaN
  return {
    answered: result['2xx'],
    failed: result.non2xx + result.errors,
    seconds: result.duration,
    latencyMs: { p50: percentile(0.5), p95: percentile(0.95), p99: percentile(0.99) },
  }
}

async function withK6({ tier, url, cookies, seconds, rate }: Load): Promise<LoadSaw> {
  await mkdir(`${TOP}/loadtest/report`, { recursive: true })
  await rm(`${TOP}/loadtest/${FILE}`, { force: true })
  const inside = `http://${tier === OURS ? 'nginx' : tier.nginx}:8080`
  const settings = {
    BASE_URL: process.env.K6 ? url : inside,
    LOAD_COOKIES: cookies.join(' '),
    LOAD_SECONDS: String(seconds),
    LOAD_RATE: rate === undefined ? '' : String(rate),
    LOAD_AT_ONCE: String(AT_ONCE),
    LOAD_REPORT: FILE,
  }
  const words = ['run', '--quiet', '--no-usage-report', 'bench.ts']
  const { code, output } = process.env.K6
    ? await command('sh', ['-c', 'cd loadtest && exec "$0" "$@"', process.env.K6, ...words], settings)
    : await command(
        'docker',
        [
          ...['compose', 'run', '--rm', '--no-deps', '--no-TTY'],
          ...Object.entries(settings).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
          ...['k6', ...words],
        ],
        // What it leaves belongs to whoever runs this, as with make loadtest.
        { K6_USER: `${process.getuid?.()}:${process.getgid?.()}` },
      )
  if (code !== 0) throw new Error(`k6 ended with ${code}:\n${output}`)
  return JSON.parse(await readFile(`${TOP}/loadtest/${FILE}`, 'utf8'))
}
