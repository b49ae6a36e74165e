// The machines of the cluster, which Kubernetes calls nodes.
import { command } from '../../support/command.ts'
import type { KubernetesStack } from './stack.ts'

/** Only the administrator of the cluster knows how: each is a command that gets the name of a machine. */
const { K8S_KILL_NODE: KILL = '', K8S_REVIVE_NODE: REVIVE = '' } = process.env
export const CAN_KILL_MACHINES = KILL !== ''

/** The machine whose address this drill uses. Undefined if it uses another address. */
export async function machineOfDrill(stack: KubernetesStack): Promise<string | undefined> {
  const line = '{range .items[*]}{.metadata.name} {.status.addresses[*].address}{"\\n"}{end}'
  const addresses = await stack.kubectl('get', 'nodes', '--output', `jsonpath=${line}`)
  const host = new URL(stack.url).hostname
  return addresses
    .split('\n')
    .find((one) => one.split(' ').includes(host))
    ?.split(' ')[0]
}

/** The machines with a DNS server of the cluster. */
export async function machinesOfDns({ kubectl }: KubernetesStack): Promise<string[]> {
  const select = ['--namespace', 'kube-system', '--selector', 'k8s-app=kube-dns']
  return (await kubectl('get', 'pods', ...select, '--output', 'jsonpath={.items[*].spec.nodeName}')).split(' ')
}

const run = async (script: string, machine: string) => {
  const { code, output } = await command('sh', ['-c', `${script} "$1"`, 'sh', machine])
  if (code !== 0) throw new Error(`${script} ${machine} exited with status ${code}: ${output}`)
}

/** Ends a machine at once, and restores it when the work is done. */
export async function whileMachineIsDead(machine: string, work: () => Promise<void>): Promise<void> {
  await run(KILL, machine)
  try {
    await work()
  } finally {
    if (REVIVE !== '') await run(REVIVE, machine)
  }
}
