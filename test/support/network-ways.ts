import { type Manifest, schemas } from './manifests.ts'

const NAME = 'app.kubernetes.io/name'

interface Selector {
  matchLabels: Record<string, string>
  matchExpressions: { values: string[] }[]
}

/** The parts that a selector of pods names. */
function partsOf({ matchLabels, matchExpressions }: Selector): string[] {
  const named = matchLabels[NAME] ?? matchLabels['k8s-app']
  return [...(named === undefined ? [] : [named]), ...matchExpressions.flatMap(({ values }) => values)]
}

/**
 * What the network policies of a stack allow, as lines: "app to redis:redis" is what redis accepts, and "app may reach redis:redis"
 * what app may send. Both are needed. A policy that forbids all is "nobody to anybody".
 */
export function waysOf(objects: readonly Manifest[]): string[] {
  const ways = objects.filter(({ kind }) => kind === 'NetworkPolicy').flatMap(waysOfPolicy)
  return [...new Set(ways)].sort()
}

function waysOfPolicy(object: Manifest): string[] {
  const { podSelector, policyTypes, ingress, egress } = schemas.policy.parse(object).spec
  const selves = partsOf(podSelector)
  const rules = ingress.length + egress.length
  if (selves.length === 0)
    return rules === 0 && policyTypes.length === 2 ? ['nobody to anybody'] : ['a policy selects all pods']
  const peersOf = (peers: (typeof ingress)[number]['from']) => {
    const named = (peers ?? []).map(({ podSelector: pods }) => (pods ? partsOf(pods) : []))
    return named.length === 0 ? ['anybody'] : named.flatMap((parts) => (parts.length === 0 ? ['anybody'] : parts))
  }
  const each = (rule: (typeof ingress)[number], way: (self: string, peer: string, port: string) => string) =>
    selves.flatMap((self) =>
      peersOf(rule.from ?? rule.to).flatMap((peer) => rule.ports.map(({ port }) => way(self, peer, `${port}`))),
    )
  return [
    ...ingress.flatMap((rule) => each(rule, (self, peer, port) => `${peer} to ${self}:${port}`)),
    ...egress.flatMap((rule) => each(rule, (self, peer, port) => `${self} may reach ${peer}:${port}`)),
  ]
}
