import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { exchange } from '../../app/test/lib/exchange.ts'
import { lastingPort } from '../../app/test/lib/lasting-port.ts'
import { until } from '../../app/test/lib/until.ts'
import { command, type Result, succeed, TOP, WITHOUT_ENV_FILE } from './command.ts'
import { createVisitor, secretsSeen, type Visitor } from './visitor.ts'

export const THREE_NODES = ['app-1', 'app-2', 'app-3']

/**
 * A Compose stack of the test's own, seen from outside: started and steered with make, as a user does it. All that its
 * containers ever log is kept, also of those that are gone by the end.
 */
export function createComposeStack(project: string, settings: Record<string, string> = {}) {
  const env: Record<string, string> = { COMPOSE_PROJECT_NAME: project, PORT: '', HTTPS_PORT: '', ...settings }
  const isTls = settings.TLS !== undefined
  let follower: ChildProcess | undefined
  let log = ''

  const docker = (...words: string[]) => succeed('docker', words, env)

  const stack = {
    env,
    docker,
    make: (...words: string[]) => succeed('make', ['--no-print-directory', ...words], env),
    /** The same for what may fail. */
    tryToMake: (...words: string[]): Promise<Result> => command('make', ['--no-print-directory', ...words], env),
    redisCli: (...words: string[]) => succeed('deploy/redis-cli', words, env),
    containerOf: (part: string) => `${project}-${part}`,
    url: () => (isTls ? `https://localhost:${env.HTTPS_PORT}` : `http://localhost:${env.PORT}`),

    /** Chooses free ports, so that nothing on this machine is in the way. */
    async choosePorts(): Promise<void> {
      env.PORT = String(await lastingPort())
      env.HTTPS_PORT = String(await lastingPort())
    },

    async up(): Promise<string> {
      const said = await stack.make('up')
      if (!follower) {
        follower = spawn('docker', ['compose', 'logs', '--follow', '--no-color'], {
          cwd: TOP,
          env: { ...process.env, ...WITHOUT_ENV_FILE, ...env },
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        follower.stdout?.setEncoding('utf8').on('data', (piece: string) => {
          // Compose clears each line before it writes it, in some versions also where there is no terminal.
          log += piece.replaceAll('\x1b[2K', '')
        })
      }
      return said
    },

    async down(): Promise<void> {
      // Nobody uses it any more, so nothing has to drain.
      const everything = ['--timeout', '1', '--volumes', '--remove-orphans', '--rmi', 'local']
      await docker('compose', '--profile', '*', 'down', ...everything)
      if (!follower) return
      // It ends by itself when its containers are gone, or is told to.
      if (follower.exitCode === null && follower.kill()) await once(follower, 'exit')
    },

    /** Everything logged so far, by all containers. */
    log: () => log,

    /** The first logged line that has all of these pieces, as soon as it is there. */
    lineWith: (...pieces: string[]): Promise<string> =>
      until(`a line with ${pieces.join(' and ')} is in the log`, () =>
        log.split('\n').find((line) => pieces.every((piece) => line.includes(piece))),
      ),

    stranger: (address?: string): Visitor => createVisitor(stack.url(), address === undefined ? {} : { address }),

    async visitor(account?: { username: string; password: string }): Promise<Visitor> {
      const visitor = createVisitor(stack.url())
      const { status } = await visitor.logIn(account)
      assert.equal(status, 200)
      return visitor
    },

    /** What comes back on a bare socket to nginx's plain port, until the other side closes. */
    raw: (request: string): Promise<string> => exchange(Number(env.PORT), request),

    /** Fails if any token or password that any visitor of this run ever had is in any log. */
    assertNoSecretIsLogged(): void {
      const secrets = [...secretsSeen]
      assert.ok(secrets.length > 0 && log.length > 1_000)
      for (const secret of secrets) assert.ok(!log.includes(secret), 'a token or a password is in a log')
    },
  }
  return stack
}

/** Asks until each of the three nodes has answered; every answer must have this status. */
export async function assertEveryNodeSays(status: number, visitor: Visitor): Promise<void> {
  const seen = new Set<string>()
  await until('every node has answered', async () => {
    const answer = await visitor.whoAmI()
    assert.equal(answer.status, status, answer.servedBy)
    seen.add(answer.servedBy)
    return THREE_NODES.every((node) => seen.has(node))
  })
}
