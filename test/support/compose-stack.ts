import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { type Checkout, checkOut } from './checkout.ts'
import { command, type Result, succeed, TOP } from './command.ts'
import { exchange } from './exchange.ts'
import { lastingPort } from './lasting-port.ts'
import { createStackLog } from './stack-log.ts'
import { until } from './until.ts'
import { createVisitor, type Visitor } from './visitor.ts'

export const THREE_NODES = ['app-1', 'app-2', 'app-3']

/**
 * For a stack whose tests judge no time without Redis. On a slow machine a reply of Redis can take longer than the usual 500 ms, and
 * any request can then be 503.
 */
export const PATIENT_WITH_REDIS = { REDIS_DEADLINE_MS: '2000' }

/**
 * The test's own Compose stack, controlled with make like a user does. It keeps all logs of all containers, also of removed
 * ones.
 */
export function createComposeStack(project: string, settings: Record<string, string> = {}) {
  const env: Record<string, string> = { COMPOSE_PROJECT_NAME: project, PORT: '', HTTPS_PORT: '', ...settings }
  const isTls = settings.TLS !== undefined
  let checkout: Checkout | undefined
  const folder = () => checkout?.folder ?? TOP
  const commands = createCommands(env, folder)
  const { follow, stopFollowing, text, lineWith, assertNoSecretIsLogged } = createStackLog()
  const url = () => (isTls ? `https://localhost:${env.HTTPS_PORT}` : `http://localhost:${env.PORT}`)

  return {
    ...commands,
    env,
    folder,
    containerOf: (part: string) => `${project}-${part}`,
    url,
    log: text,
    lineWith,
    assertNoSecretIsLogged,

    /** Chooses free ports. */
    async choosePorts(): Promise<void> {
      env.PORT = String(await lastingPort())
      env.HTTPS_PORT = String(await lastingPort())
    },

    /** For a test that changes files or secrets of the project: the stack uses a copy, so other tests are not affected. */
    async useOwnCheckout(): Promise<void> {
      checkout = await checkOut()
    },

    async up(): Promise<string> {
      const said = await commands.make('up')
      follow(env, folder())
      return said
    },

    async down(): Promise<void> {
      // No test uses the stack any more, so it need not drain.
      const everything = ['--timeout', '1', '--volumes', '--remove-orphans', '--rmi', 'local']
      await commands.docker('compose', '--profile', '*', 'down', ...everything)
      await stopFollowing()
      await checkout?.remove()
    },

    stranger: (address?: string): Visitor => createVisitor(url(), address === undefined ? {} : { address }),

    async visitor(account?: { username: string; password: string }): Promise<Visitor> {
      const visitor = createVisitor(url())
      const { status } = await visitor.logIn(account)
      assert.equal(status, 200)
      return visitor
    },

    /** Sends raw bytes to nginx's plain port and returns the response until nginx closes. */
    raw: (request: string): Promise<string> => exchange(Number(env.PORT), request),
  }
}

/** Commands for this stack, in its folder and with its settings. */
function createCommands(env: Record<string, string>, folder: () => string) {
  const run = (name: string, ...words: string[]) => succeed(name, words, env, folder())
  const tryTo = (name: string, ...words: string[]): Promise<Result> => command(name, words, env, folder())
  return {
    run,
    /** The same for a command that may fail. */
    tryTo,
    docker: (...words: string[]) => run('docker', ...words),
    make: (...words: string[]) => run('make', '--no-print-directory', ...words),
    tryToMake: (...words: string[]) => tryTo('make', '--no-print-directory', ...words),
    /** Does the same as deploy/redis-cli, which first looks for the stack and its Redis, in a tenth of the processor time. */
    async redisCli(...words: string[]): Promise<string> {
      // Only the script finds the primary.
      if (env.REDIS) return run('deploy/redis-cli', ...words)
      const password = await readFile(`${folder()}/.secrets/redis-admin-password`, 'utf8')
      const container = `${env.COMPOSE_PROJECT_NAME}-redis-1`
      const program = ['exec', '--env', 'REDISCLI_AUTH', container, 'redis-cli', '-e', '--user', 'admin', ...words]
      return succeed('docker', program, { ...env, REDISCLI_AUTH: password.trim() }, folder())
    },
  }
}

/**
 * Waits until each of the three nodes accepts the session. They find a Redis that is back one after the other, and nginx does not
 * send a login to another node.
 */
export async function untilEveryNodeAccepts(visitor: Visitor): Promise<void> {
  const accepting = new Set<string>()
  await until('every node accepts the session', async () => {
    const { status, servedBy } = await visitor.whoAmI()
    return status === 200 && accepting.add(servedBy).size === THREE_NODES.length
  })
}

/** Sends requests until each of the three nodes has responded. Every response must have this status. */
export async function assertEveryNodeSays(status: number, visitor: Visitor): Promise<void> {
  const seen = new Set<string>()
  await until('every node has responded', async () => {
    const answer = await visitor.whoAmI()
    assert.equal(answer.status, status, answer.servedBy)
    seen.add(answer.servedBy)
    return THREE_NODES.every((node) => seen.has(node))
  })
}
