import { spawnSync } from 'node:child_process'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { TOP } from './command.ts'

/** A reason to skip tests of the manifests. */
export const NO_KUBECTL: string | false =
  spawnSync('kubectl', ['kustomize', '--help'], { stdio: 'ignore' }).status === 0 ? false : 'there is no kubectl here'

const record = z.record(z.string(), z.unknown())
const selectorSchema = z
  .object({
    matchLabels: z.record(z.string(), z.string()).default({}),
    matchExpressions: z.array(z.object({ values: z.array(z.string()) }).loose()).default([]),
  })
  .loose()
const containerSchema = z
  .object({
    name: z.string(),
    image: z.string(),
    args: z.array(z.string()).default([]),
    env: z.array(z.object({ name: z.string(), value: z.string().optional() }).loose()).default([]),
    resources: z.object({ requests: record, limits: record }),
    securityContext: record,
    lifecycle: z.object({ preStop: z.object({ sleep: z.object({ seconds: z.number() }) }) }).optional(),
    readinessProbe: record.optional(),
    livenessProbe: record.optional(),
    startupProbe: record.optional(),
    volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() }).loose()),
  })
  .loose()
const podSchema = z
  .object({
    serviceAccountName: z.string(),
    automountServiceAccountToken: z.boolean(),
    enableServiceLinks: z.boolean(),
    terminationGracePeriodSeconds: z.number().default(30),
    securityContext: record,
    topologySpreadConstraints: z.array(record).default([]),
    containers: z.array(containerSchema),
    volumes: z.array(record),
  })
  .loose()
const portSchema = z.object({ port: z.union([z.string(), z.number()]), protocol: z.string() })
const peersSchema = z.array(
  z.object({ podSelector: selectorSchema.optional(), namespaceSelector: selectorSchema.optional() }),
)
const ruleSchema = z.object({ from: peersSchema.optional(), to: peersSchema.optional(), ports: z.array(portSchema) })

export const schemas = {
  service: z.object({
    metadata: z.object({ name: z.string() }),
    spec: z.object({
      type: z.string().default('ClusterIP'),
      clusterIP: z.string().optional(),
      publishNotReadyAddresses: z.boolean().optional(),
      selector: record,
    }),
  }),
  workload: z.object({
    spec: z.object({
      replicas: z.number().optional(),
      minReadySeconds: z.number().default(0),
      template: z.object({ spec: podSchema }),
    }),
  }),
  policy: z.object({
    spec: z.object({
      podSelector: selectorSchema,
      policyTypes: z.array(z.string()),
      ingress: z.array(ruleSchema).default([]),
      egress: z.array(ruleSchema).default([]),
    }),
  }),
}
export type Pod = z.infer<typeof podSchema>

const objectSchema = z
  .object({ kind: z.string(), metadata: z.object({ name: z.string() }).loose(), data: record.optional() })
  .loose()
export type Manifest = z.infer<typeof objectSchema>

/** The pods of all workloads, by the name of the workload. */
export function podsOf(objects: readonly Manifest[]): Map<string, Pod> {
  const workloads = objects.filter(({ kind }) => ['Deployment', 'StatefulSet', 'Job'].includes(kind))
  return new Map(workloads.map((object) => [object.metadata.name, schemas.workload.parse(object).spec.template.spec]))
}

/** The objects of a kustomization, as kubectl would apply them. */
export function kustomize(folder: string): Manifest[] {
  const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', folder], { cwd: TOP, encoding: 'utf8' })
  if (status !== 0) throw new Error(`kubectl kustomize ${folder}: ${stderr}`)
  return parseAllDocuments(stdout).map((document) => objectSchema.parse(document.toJS()))
}
