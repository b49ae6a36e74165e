import type { RotationTimes } from './history.ts'

/** A stack under load: what a drill needs of it, whatever it runs on. */
export interface RunningStack {
  url: string
  /** The names of the nodes that must serve. */
  nodes(): Promise<string[]>
  /** The rotation settings of its nodes. */
  rotation(): Promise<RotationTimes>
  /** Whether its Redis has replicas. */
  hasReplicas(): Promise<boolean>
  /** The log of each part since then. Undefined for a log that cannot be read. */
  logs(since: Date): Promise<(string | undefined)[]>
  /** The command that runs a program that does nothing, in the container of nginx. */
  emptyProgram: readonly [string, ...string[]]
}
