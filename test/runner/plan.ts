import { readdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Network, Phase } from './schedule.ts'

/** A compiled test file, and the resources that it needs. */
export interface TestFile {
  /** Its name in the output: integration/events. */
  name: string
  path: string
  /** When it may run, and beside what: schedule.ts. */
  phase: Phase
  share: number
  network?: Network | undefined
  /** Whether it runs in a network namespace of its own, if the system allows one: isolation.ts. */
  isIsolated: boolean
  /** Whether it only uses the time of the processor that no other file needs. */
  isPatient: boolean
}

export type Folder = 'unit' | 'integration' | 'browser' | 'stack'

/** The folders in the order in which they start: a stack takes longest. */
export const FOLDERS: readonly Folder[] = ['stack', 'browser', 'integration', 'unit']

/** How many pairs of cores this machine has. */
const PAIRS = Math.max(1, availableParallelism() / 2)

/** Most tests wait, so on two cores three files run in parallel: two with a stack or a browser, or one of them and two without. */
const SHARES: Record<Folder, number> = { stack: 0.35, browser: 0.35, integration: 0.3, unit: 0.3 }

/**
 * The drills judge limits of time, so only patient files run beside them. Measurements of time run alone, and so does what a slow
 * machine would make a failover of.
 */
const PHASES: Record<string, Phase> = {
  'stack/cluster': 'pairs',
  'stack/faults': 'drills',
  'stack/kubernetes': 'alone',
  'stack/kubernetes-cluster': 'alone',
  'stack/kubernetes-sentinels': 'alone',
  'stack/kubernetes-versions': 'alone',
  'stack/sentinels': 'pairs',
  'stack/soak': 'drills',
  'integration/login-times': 'alone',
  'integration/login-security': 'alone',
  'integration/contract-cluster': 'alone',
  'integration/contract-sentinel': 'alone',
  'integration/sentinel-failover': 'alone',
  'integration/redis-cluster': 'alone',
  'integration/rotation-across-servers': 'alone',
  'integration/wrong-clock-cluster': 'alone',
  'integration/wrong-clock-sentinel': 'alone',
}
const DRILL_SHARE = 0.45

/** Two stacks at once, each of ten containers. Their drills judge no time. */
const PAIR_SHARE = 0.5

/** These mostly wait for a Redis of their own, so three of them do not make each other slow. */
const THREE_AT_ONCE = new Set([
  ...['integration/contract-cluster', 'integration/contract-sentinel', 'integration/redis-cluster'],
  ...['integration/sentinel-failover', 'integration/wrong-clock-cluster', 'integration/wrong-clock-sentinel'],
  'integration/rotation-across-servers',
])

/** Files that judge no limit of time. Beside the drills, they use what those leave of the machine. */
const PATIENT = new Set(['unit/rotation-model'])
export const PATIENT_SHARE = 0.05

/** A browser on a stack, which has a network of its own if the system allows one: test/support/apart.ts. */
const NEEDS_STILL_NETWORK = new Set(['stack/page', 'stack/lessons'])

/** The slowest files start first, so the run does not wait for them at the end. A stack waits more than a browser: they alternate. */
const FIRST = [
  ...['stack/page', 'stack/admin', 'browser/lessons', 'stack/security', 'stack/lessons', 'browser/lessons-absent'],
  ...['browser/screens', 'browser/page-cost', 'stack/bench', 'browser/evidence', 'stack/stack', 'browser/lanes'],
  ...['stack/machine', 'browser/page', 'stack/tls'],
  ...['integration/modes', 'integration/admin', 'integration/redis-role', 'integration/nodes'],
  ...['integration/mutants', 'integration/own-accounts', 'integration/runner', 'unit/rotation-model'],
  ...['integration/sentinel-failover', 'integration/redis-cluster', 'integration/wrong-clock-cluster'],
]

/** The files that this plan names. A test checks that they exist. */
export const NAMED = [...Object.keys(PHASES), ...THREE_AT_ONCE, ...PATIENT, ...NEEDS_STILL_NETWORK, ...FIRST]

/** All files of tests in these folders of `top`, in the order in which they start. */
export async function findFiles(
  top: string,
  folders: readonly Folder[],
  { canIsolate }: { canIsolate: boolean },
): Promise<TestFile[]> {
  const found = await Promise.all(folders.map((folder) => filesOf(top, folder, canIsolate)))
  const files = found.flat()
  const first = FIRST.flatMap((wanted) => files.filter(({ name }) => name === wanted))
  return [...first, ...files.filter((file) => !first.includes(file))]
}

async function filesOf(top: string, folder: Folder, canIsolate: boolean): Promise<TestFile[]> {
  const entries = await readdir(join(top, folder)).catch(() => [])
  return entries
    .filter((entry) => entry.endsWith('.test.js'))
    .sort()
    .map((entry): TestFile => {
      const name = `${folder}/${entry.replace(/\.test\.js$/, '')}`
      const isPatient = PATIENT.has(name)
      const phase = isPatient ? 'drills' : (PHASES[name] ?? 'together')
      const isIsolated = folder === 'browser' && canIsolate
      return {
        ...{ name, path: join(top, folder, entry), phase, isIsolated, isPatient },
        share: isPatient ? PATIENT_SHARE : shareOf(name, folder, phase),
        network: isIsolated ? undefined : networkOf(name, folder, canIsolate),
      }
    })
}

function shareOf(name: string, folder: Folder, phase: Phase): number {
  if (phase === 'alone') return THREE_AT_ONCE.has(name) ? 0.33 : 1
  if (phase === 'pairs') return PAIR_SHARE
  return phase === 'drills' ? DRILL_SHARE : SHARES[folder] / PAIRS
}

function networkOf(name: string, folder: Folder, canIsolate: boolean): Network | undefined {
  if (folder === 'browser' || (NEEDS_STILL_NETWORK.has(name) && !canIsolate)) return 'still'
  return folder === 'stack' ? 'changes' : undefined
}
