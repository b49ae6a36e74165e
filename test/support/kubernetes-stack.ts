import { spawnSync } from 'node:child_process'
import { command, succeed } from './command.ts'
import { withOverlay } from './overlay.ts'

/** A reason to skip tests that need a cluster. */
export const NO_CLUSTER: string | false =
  spawnSync('kubectl', ['get', '--raw', '/readyz', '--request-timeout=5s'], { stdio: 'ignore' }).status === 0
    ? false
    : 'no Kubernetes cluster answers here (KUBECONFIG)'

export type KubernetesTestStack = ReturnType<typeof createKubernetesStack>

/** The test's own stack on the cluster, in its own namespace, controlled with make like a user does. */
export function createKubernetesStack(namespace: string, settings: Record<string, string> = {}) {
  const env: Record<string, string> = {
    ...{ K8S_NAMESPACE: namespace, STACK: 'kubernetes', SESSION_RENEW_SECONDS: '1' },
    ...settings,
  }
  const run = (name: string, ...words: string[]) => succeed(name, words, env)
  const kubectl = (...words: string[]) => run('kubectl', '--namespace', namespace, ...words)
  let url = ''

  return {
    env,
    run,
    kubectl,
    url: () => url,
    tryTo: (name: string, ...words: string[]) => command(name, words, env),
    nodes: async () =>
      (await kubectl('get', 'pods', '--selector', 'app.kubernetes.io/name=app', '--output', 'name')).trim().split('\n'),

    async up(more: Record<string, string> = {}): Promise<string> {
      const said = await succeed('make', ['--no-print-directory', 'k8s-up'], { ...env, ...more })
      url = /(http:\/\/\S+)/.exec(said)?.[1] ?? ''
      return said
    },

    down: () => run('deploy/k8s-down', '--clean'),

    /** What the API server says to an overlay, with components, where nothing of it runs yet. */
    async dryRun(overlay: string, components: readonly string[] = []) {
      const empty = [namespace, overlay, ...components].join('-')
      // The overlay changes the namespace too: without --save-config kubectl warns about that.
      await run('kubectl', 'create', 'namespace', empty, '--save-config')
      try {
        const apply = (folder: string) => command('kubectl', ['apply', '--dry-run=server', '-k', folder], env)
        return await withOverlay(overlay, components, apply, { namespace: empty })
      } finally {
        await run('kubectl', 'delete', 'namespace', empty, '--wait=false')
      }
    },
  }
}
