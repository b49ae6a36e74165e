import { z } from 'zod'
import { command, succeed } from '../../support/command.ts'
import { until } from '../../support/until.ts'
import type { RotationTimes } from '../history.ts'
import type { RedisKind } from '../servers.ts'

export type KubernetesStack = ReturnType<typeof openStack>

const podsSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), deletionTimestamp: z.string().optional() }),
      spec: z.object({ nodeName: z.string().optional() }),
      status: z.object({
        podIP: z.string().optional(),
        conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
        containerStatuses: z.array(z.object({ restartCount: z.number(), image: z.string() })).default([]),
      }),
    }),
  ),
})

/** One pod of the stack. `machine`: what Kubernetes calls a node. */
export interface Pod {
  name: string
  machine: string
  address: string
  isReady: boolean
  restarts: number
}

type Part = 'app' | 'nginx' | 'redis' | 'sentinel'

/** How long a pod may take to start on a busy machine. It only ends a drill that would hang. */
const START_MS = 120_000

/** The running stack on Kubernetes, with the operations to break it through kubectl. */
export function openStack(url: string) {
  const namespace = process.env.K8S_NAMESPACE || 'sessions'
  const kubectl = (...words: string[]) => succeed('kubectl', ['--namespace', namespace, ...words])

  const pods = (part: Part) => readPods(kubectl, part)
  const exec = (pod: string, ...words: string[]) => kubectl('exec', pod, '--', ...words)

  /** By the label of its workloads: deploy/kubernetes/components. */
  async function redisKind(): Promise<RedisKind> {
    const label = '{.items[0].metadata.labels.redis-kind}'
    const select = ['--selector', 'app.kubernetes.io/name=redis', '--output', `jsonpath=${label}`]
    const kind = (await kubectl('get', 'statefulsets', ...select)).trim()
    return kind === 'sentinel' || kind === 'cluster' ? kind : 'single'
  }

  return {
    url,
    namespace,
    kubectl,
    pods,
    exec,
    redis: (...words: string[]) => succeed('deploy/redis-cli', words),
    emptyProgram: ['kubectl', '--namespace', namespace, 'exec', 'deployment/nginx', '--', 'true'] as const,

    /** Whether they respond or not: one that never comes back must not be overlooked. */
    nodes: async () => (await pods('app')).map(({ name }) => name),

    /** Unset ones have the application's default. */
    async rotation(): Promise<RotationTimes> {
      const script = 'console.log(process.env.SESSION_ROTATE || 900, process.env.SESSION_ROTATE_GRACE || 10)'
      const said = await exec('deployment/app', 'node', '--eval', script)
      const [every = 0, grace = 0] = said.split(' ').map(Number)
      return { everyMs: every * 1000, graceMs: Math.min(grace, every) * 1000 }
    },

    redisKind,
    hasReplicas: async () => (await redisKind()) !== 'single',

    /** Only of pods that still exist. */
    async logs(since: Date): Promise<(string | undefined)[]> {
      const names = (
        await kubectl('get', 'pods', '--field-selector', 'status.phase=Running', '--output', 'name')
      ).trim()
      const read = (name: string) =>
        command('kubectl', ['--namespace', namespace, 'logs', name, `--since-time=${since.toISOString()}`])
      const logs = await Promise.all(names.split('\n').map(read))
      return logs.map(({ code, output }) => (code === 0 || /not found/.test(output) ? output : undefined))
    },

    /** Waits until a part has so many ready pods, and no other. */
    untilReady: (part: Part, count: number) =>
      until(
        `${count} pods of ${part} are ready`,
        async () => {
          const found = await pods(part)
          return found.length === count && found.every(({ isReady }) => isReady) ? found : undefined
        },
        START_MS,
      ),

    /** The status of a node's own address, from inside the pod: nginx serves no probe. */
    async probe(pod: string, path: string): Promise<number> {
      const script = `fetch('http://127.0.0.1:3000' + process.argv[1]).then(({ status }) => console.log(status))`
      return Number(await exec(pod, 'node', '--eval', script, path))
    },
  }
}

/** The pods of one part, without those that are stopping. */
async function readPods(kubectl: (...words: string[]) => Promise<string>, part: Part): Promise<Pod[]> {
  const json = await kubectl('get', 'pods', '--selector', `app.kubernetes.io/name=${part}`, '--output', 'json')
  return podsSchema
    .parse(JSON.parse(json))
    .items.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata, spec, status }) => ({
      name: metadata.name,
      machine: spec.nodeName ?? '',
      address: status.podIP ?? '',
      isReady: status.conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
      restarts: status.containerStatuses.reduce((sum, { restartCount }) => sum + restartCount, 0),
    }))
}
