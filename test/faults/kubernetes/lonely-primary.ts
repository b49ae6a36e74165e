// A primary that has lost its replicas, and then dies: what it had acknowledged alone would be lost.
import { setTimeout as sleep } from 'node:timers/promises'
import { succeed } from '../../support/command.ts'
import { until } from '../../support/until.ts'
import { loginElsewhere } from '../failing-over.ts'
import type { Control } from '../try-faults.ts'
import { failover, PATIENCE_MS } from './primary-fails.ts'
import { openServers } from './servers.ts'
import type { KubernetesStack } from './stack.ts'

/** How long the primary is alone. It must refuse writes after two to four seconds (min-replicas-max-lag). */
const ALONE_MS = 8_000
/** The policy of Redis accepts nodes, the other Redis, and sentinels: deploy/kubernetes/components/sentinel/network-policies.yaml */
const OTHERS = '/spec/ingress/0/from/1'
const OTHER_REDIS = { podSelector: { matchLabels: { 'app.kubernetes.io/name': 'redis' } } }

const ask = (pod: string, ...words: string[]) => succeed('deploy/redis-cli', words, { REDIS_SERVICE: pod })

const patchPolicy = ({ kubectl }: KubernetesStack, ...operations: object[]) =>
  kubectl('patch', 'networkpolicy', 'redis', '--type=json', '--patch', JSON.stringify(operations))

/** Redis accepts no connection of another Redis while `work` runs. Many networks apply a policy to new connections only. */
async function whileReplicasAreCut(stack: KubernetesStack, primary: string, work: () => Promise<void>): Promise<void> {
  await patchPolicy(stack, { op: 'test', path: OTHERS, value: OTHER_REDIS }, { op: 'remove', path: OTHERS })
  try {
    await until('the primary has lost its replicas', async () => {
      await ask(primary, 'CLIENT', 'KILL', 'TYPE', 'replica')
      return /^connected_slaves:0\r?$/m.test(await ask(primary, 'INFO', 'replication'))
    })
    await work()
  } finally {
    await patchPolicy(stack, { op: 'add', path: OTHERS, value: OTHER_REDIS })
  }
}

export const killLonelyPrimary = failover(
  { name: 'kill-lonely-primary', title: 'A primary loses its replicas, and then its machine' },
  async (stack, watch, servers) => {
    const primary = await servers.primary()
    const machine = (await stack.pods('redis')).find(({ name }) => name === primary)?.machine ?? ''
    await stack.kubectl('cordon', machine)
    try {
      await whileReplicasAreCut(stack, primary, async () => {
        await sleep(ALONE_MS)
        // Kubernetes has no other machine for it, so a replica must take over.
        await stack.kubectl('delete', 'pod', primary, '--grace-period=0', '--force', '--wait=false')
      })
      watch.mended()
      await loginElsewhere(watch, watch.now(), { patienceMs: PATIENCE_MS })
      watch.expect((await servers.primary()) !== primary, 'no replica was promoted')
    } finally {
      await stack.kubectl('uncordon', machine)
    }
  },
)

async function setReplicas(stack: KubernetesStack, count: string): Promise<void> {
  for (const { name } of await stack.pods('redis')) await ask(name, 'CONFIG', 'SET', 'min-replicas-to-write', count)
  // Without a value, the application decides: 1.
  const setting = count === '0' ? 'SESSION_REPLICAS=0' : 'SESSION_REPLICAS-'
  await stack.kubectl('set', 'env', 'deployment/app', setting)
  await stack.kubectl('rollout', 'status', 'deployment/app', '--timeout=300s')
  await (await openServers(stack)).whole()
}

export const lonelyControl: Control<KubernetesStack> = {
  title: 'No write waits for a replica',
  finds: /^(lost|returned)/,
  fault: {
    ...killLonelyPrimary,
    prepare: (stack) => setReplicas(stack, '0'),
    restore: (stack) => setReplicas(stack, '1'),
  },
}
