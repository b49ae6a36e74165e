import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { command, TOP } from '../support/command.ts'
import { GRACE } from '../support/http.ts'
import { percentile } from '../support/percentile.ts'
import { until } from '../support/until.ts'
import { createVisitor, type Visitor } from '../support/visitor.ts'
import type { Attack, ComposeStack } from './attack.ts'

const SCRIPT_SECONDS = 8
const READ_PAUSE_MS = 20

export const redisAccount: Attack = {
  name: 'redis-account',
  title: 'With a node’s Redis password: block Redis by a script, read session keys, forge a session of ada',
  async run(stack) {
    const reader = await stack.visitor(GRACE)
    const reads = startReads(reader)
    await sleep(3_000)
    const before = reads.take()
    const account = await openAccount(stack)
    const gotThrough: string[] = []
    if (await runsEndlessScript(stack, account)) gotThrough.push('an endless script blocked Redis')
    if (await seesKeys(stack, account)) gotThrough.push('CLIENT TRACKING BCAST revealed the key of a session')
    const forged = await honoursForgery(stack, account)
    if (forged) gotThrough.push(`${forged} accepted a forged session of ada`)
    const during = reads.take()
    await reads.stop()
    const others = `reads p95 ${p95(before.ms)} → ${p95(during.ms)} ms, ${during.failed} of ${during.ms.length} failed`
    return { others, gotThrough }
  },
}

type Account = Awaited<ReturnType<typeof openAccount>>

/** The commands that an attacker with a node's secrets can send to Redis. */
async function openAccount(stack: ComposeStack) {
  const password = (await readFile(`${TOP}.secrets/redis-app-password`, 'utf8')).trim()
  // Passed by name, because an argument of docker would show the password.
  const env = { ...stack.env, REDISCLI_AUTH: password }
  const exec = ['exec', '--interactive', '--env', 'REDISCLI_AUTH', stack.containerOf('redis-1')]
  return {
    async send(...words: string[]): Promise<string> {
      const limited = ['timeout', String(SCRIPT_SECONDS), 'redis-cli', '--user', 'app', ...words]
      return (await command('docker', [...exec, ...limited], env)).output
    },
    /** Opens a connection that receives the activity of others if Redis allows it. Returns all that it received. */
    async listen(first: string, meanwhile: () => Promise<void>): Promise<string> {
      const child = spawn('docker', [...exec, 'redis-cli', '-3', '--show-pushes', 'yes', '--user', 'app'], {
        env: { ...process.env, ...env },
        stdio: ['pipe', 'pipe', 'ignore'],
      })
      let told = ''
      child.stdout.setEncoding('utf8').on('data', (piece: string) => {
        told += piece
      })
      child.stdin.write(`${first}\n`)
      await until('Redis has replied', () => told !== '')
      await meanwhile()
      child.stdin.end('PING\nPING\n')
      await once(child, 'close')
      return told
    },
  }
}

/** Runs for a few seconds only, then the administrator kills the script. */
async function runsEndlessScript(stack: ComposeStack, account: Account): Promise<boolean> {
  const library = "#!lua name=endless\nredis.register_function('endless', function() while true do end end)"
  for (const words of [
    ['EVAL', 'while true do end', '0'],
    ['EVAL_RO', 'while true do end', '0'],
    ['FUNCTION', 'LOAD', library],
  ]) {
    if ((await account.send(...words)).includes('NOPERM')) continue
    await until('the script was killed', () => isIdle(stack), 60_000)
    return true
  }
  return false
}

async function isIdle(stack: ComposeStack): Promise<boolean> {
  const killed = await command('deploy/redis-cli', ['SCRIPT', 'KILL'], stack.env)
  return killed.code === 0 || killed.output.includes('NOTBUSY')
}

async function seesKeys(stack: ComposeStack, account: Account): Promise<boolean> {
  const tokens: string[] = []
  const told = await account.listen('CLIENT TRACKING ON BCAST', async () => {
    for (let login = 0; login < 3; login++) tokens.push((await stack.visitor(GRACE)).token())
  })
  return tokens.some((token) => told.includes(token))
}

/** The nodes that accept a forged session. Empty if none does. */
async function honoursForgery(stack: ComposeStack, account: Account): Promise<string> {
  const token = randomBytes(32).toString('base64url')
  const record = {
    user: { username: 'ada', displayName: 'Ada Lovelace' },
    createdOn: 'app-1',
    createdAt: new Date().toISOString(),
    absoluteSeconds: 43_200,
    address: '127.0.0.1',
    agent: 'forged',
  }
  await account.send('SET', `session:${token}`, JSON.stringify(record), 'EX', '60')
  const thief = createVisitor(stack.url(), { cookie: `sid=${token}` })
  const nodes = new Set<string>()
  for (let request = 0; request < 6; request++) {
    const { status, servedBy } = await thief.whoAmI()
    if (status === 200) nodes.add(servedBy)
  }
  return [...nodes].sort().join(', ')
}

/** Another user who reads continuously. */
function startReads(visitor: Visitor) {
  let isStopped = false
  let ms: number[] = []
  let failed = 0
  async function keepReading(): Promise<void> {
    while (!isStopped) {
      const startedAt = performance.now()
      const status = await visitor.whoAmI().then(
        (answer) => answer.status,
        () => 0,
      )
      ms.push(performance.now() - startedAt)
      if (status !== 200) failed++
      await sleep(READ_PAUSE_MS)
    }
  }
  const reading = keepReading()
  return {
    take() {
      const taken = { ms, failed }
      ms = []
      failed = 0
      return taken
    },
    async stop() {
      isStopped = true
      await reading
    },
  }
}

const p95 = (ms: readonly number[]) => Math.round(percentile(ms, 0.95))
