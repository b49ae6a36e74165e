import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { command, succeed, TOP } from './command.ts'
import { type ContractNode, PEOPLE, type TwoNodes } from './contract/two-nodes.ts'
import { endWithTest } from './end-with-test.ts'
import { logIn } from './http.ts'
import type { KubernetesTestStack } from './kubernetes-stack.ts'
import { until } from './until.ts'

const accountsSchema = z.array(z.object({ username: z.string(), password: z.string() }))

/** Two nodes of a stack on Kubernetes, each by a port that kubectl forwards to its pod: nginx and policies are not in between. */
export async function openTwoNodes(stack: KubernetesTestStack): Promise<TwoNodes> {
  const json = await succeed('deploy/test-accounts', ['create', 'contract', `${PEOPLE.length}`], stack.env)
  const accounts = accountsSchema.parse(JSON.parse(json))
  const [first = '', second = ''] = (await stack.nodes()).map((pod) => pod.replace('pod/', ''))
  const [left, right] = await Promise.all([forward(stack, first), forward(stack, second)])
  const accountOf = (person: (typeof PEOPLE)[number]) =>
    accounts[PEOPLE.indexOf(person)] ?? { username: person, password: '' }
  return {
    left: left.node,
    right: right.node,
    redis: redisOf(stack),
    userOf: (person) => ({ username: accountOf(person).username, displayName: 'Test account' }),
    logInAs: (node, person, headers = {}) => logIn(node.url, accountOf(person), headers),
    async stop() {
      await Promise.all([left.stop(), right.stop()])
      // Nodes that keep sessions in their memory report that these stay, and end with their namespace.
      await command('deploy/test-accounts', ['remove', json], stack.env)
    },
  }
}

/** A process of kubectl that ends with the test. */
function startKubectl(stack: KubernetesTestStack, ...words: string[]) {
  const namespace = stack.env.K8S_NAMESPACE ?? ''
  const child: ChildProcess = spawn('kubectl', ['--namespace', namespace, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const isStopped = endWithTest(() => child.kill('SIGKILL'))
  return {
    child,
    async stop(): Promise<void> {
      isStopped()
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'close')
      child.kill()
      await ended
    },
  }
}

async function forward(
  stack: KubernetesTestStack,
  pod: string,
): Promise<{ node: ContractNode; stop(): Promise<void> }> {
  const { child, stop } = startKubectl(stack, 'port-forward', '--address', '127.0.0.1', `pod/${pod}`, ':3000')
  if (!child.stdout) throw new Error('kubectl has no output')
  for await (const line of createInterface({ input: child.stdout })) {
    const [, port] = /^Forwarding from 127\.0\.0\.1:(\d+) /.exec(line) ?? []
    if (port === undefined) continue
    child.stdout.resume()
    return { node: { name: pod, url: `http://127.0.0.1:${port}` }, stop }
  }
  throw new Error(`kubectl forwards no port to ${pod}`)
}

function redisOf({ env, kubectl }: KubernetesTestStack): TwoNodes['redis'] {
  const redis = (...words: string[]) => succeed('deploy/redis-cli', words, env)
  const scale = (count: number) => kubectl('scale', 'statefulset/redis', `--replicas=${count}`)
  return {
    keys: async (pattern) => (await redis('--raw', 'KEYS', pattern)).split('\n').filter(Boolean),
    async watch() {
      // A group of its own: the script starts kubectl, which would not end with it.
      const child = spawn('deploy/redis-cli', ['MONITOR'], {
        cwd: TOP,
        env: { ...process.env, ...env },
        detached: true,
      })
      const end = () => void (child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'))
      const isStopped = endWithTest(end)
      const lines: string[] = []
      createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
      await until('Redis reports its commands', () => lines.includes('OK'))
      return {
        async soFar() {
          const mark = randomUUID()
          await redis('ECHO', mark)
          await until('all earlier commands are recorded', () => lines.some((line) => line.includes(mark)))
          return lines
        },
        stop() {
          isStopped()
          end()
        },
      }
    },
    async kill() {
      await scale(0)
      await kubectl('wait', '--for=delete', 'pod/redis-0', '--timeout=60s')
    },
    async start() {
      await scale(1)
      await kubectl('rollout', 'status', 'statefulset/redis', '--timeout=120s')
    },
  }
}
