// Without this setting, the drill must report the fault as failed. Otherwise the drill detects nothing.

import { ownAccounts, putBack } from '../remake.ts'
import type { Control } from '../try-faults.ts'
import { killRedis } from './redis-fails.ts'
import type { KubernetesStack } from './stack.ts'

async function setAppendOnly(stack: KubernetesStack, value: 'yes' | 'no'): Promise<void> {
  const accounts = await ownAccounts(stack)
  const container = '{.spec.template.spec.containers[0].args}'
  const args: string[] = JSON.parse(
    await stack.kubectl('get', 'statefulset', 'redis', '--output', `jsonpath=${container}`),
  )
  const path = `/spec/template/spec/containers/0/args/${args.indexOf('--appendonly') + 1}`
  await stack.kubectl(
    ...['patch', 'statefulset', 'redis', '--type=json', '--patch', JSON.stringify([{ op: 'replace', path, value }])],
  )
  await stack.kubectl('rollout', 'status', 'statefulset/redis', '--timeout=120s')
  await stack.untilReady('redis', 1)
  await putBack(accounts)
}

export const controls: readonly Control<KubernetesStack>[] = [
  {
    title: 'Redis has no append-only file',
    finds: /^lost: /,
    fault: {
      ...killRedis,
      prepare: (stack) => setAppendOnly(stack, 'no'),
      restore: (stack) => setAppendOnly(stack, 'yes'),
    },
  },
]
