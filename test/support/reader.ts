import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { ADA } from './http.ts'

const PATIENCE_MS = 5_000
const PAUSE_MS = 10

export interface Reads {
  /** The duration of each read, successful or not. */
  ms: number[]
  /** The number of reads without a response or with another status than 200. */
  failed: number
}

/** A logged-in user who reads repeatedly, each time on a new connection. The certificate is not verified. */
export async function createReader(url: string) {
  const isTls = url.startsWith('https:')
  let cookie = ''

  function send(method: string, path: string, body?: string): Promise<number> {
    return new Promise((resolve) => {
      const options = {
        method,
        agent: false,
        rejectUnauthorized: false,
        timeout: PATIENCE_MS,
        headers: { Cookie: cookie, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      } as const
      const request = (isTls ? requestHttps : requestHttp)(new URL(path, url), options, (answer) => {
        const [line = ''] = answer.headers['set-cookie'] ?? []
        if (line !== '') cookie = line.split(';', 1)[0] ?? ''
        answer.on('error', () => resolve(0))
        answer.resume().on('end', () => resolve(answer.statusCode ?? 0))
      })
      request.on('timeout', () => request.destroy())
      request.on('error', () => resolve(0))
      request.end(body)
    })
  }

  async function readUntil(end: Promise<unknown>): Promise<Reads> {
    const reads: Reads = { ms: [], failed: 0 }
    let isOver = false
    void end.finally(() => {
      isOver = true
    })
    while (!isOver) {
      const startedAt = performance.now()
      const status = await send('GET', '/api/user')
      reads.ms.push(performance.now() - startedAt)
      if (status !== 200) reads.failed++
      await sleep(PAUSE_MS)
    }
    return reads
  }

  const status = await send('POST', '/auth/login', JSON.stringify(ADA))
  if (status !== 200) throw new Error(`The login of the reader returned ${status}`)
  return { readUntil, readFor: (ms: number) => readUntil(sleep(ms)) }
}
