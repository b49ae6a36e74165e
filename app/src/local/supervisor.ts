import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { z } from 'zod'
import { StartError } from '../environment.ts'
import type { Logger } from '../logger.ts'

const MIN_BACKOFF_MS = 100
const MAX_BACKOFF_MS = 5_000
/** A node that ran this long was healthy, so it is restarted without delay. */
const HEALTHY_AFTER_MS = 10_000

/** The messages of a node to its parent: lifecycle/parent.ts. */
const messageSchema = z.union([z.object({ listening: z.number() }), z.object({ draining: z.literal(true) })])

export interface SupervisedNode {
  readonly name: string
  /** Where it listens; undefined while it starts, drains or does not run. */
  port: number | undefined
}

interface Parts {
  names: readonly string[]
  fork: (name: string) => ChildProcess
  log: Logger
}

/**
 * Runs one process for each name, and restarts one that exits, after a delay that grows while it keeps exiting. Resolves when
 * all listen. Rejects when one exits before that, because a restart would fail for the same reason.
 * @throws {StartError}
 */
export async function superviseNodes({ names, fork, log }: Parts) {
  const nodes: SupervisedNode[] = names.map((name) => ({ name, port: undefined }))
  const children = new Map<string, ChildProcess>()
  let isStarted = false
  let isStopping = false

  // Whatever ends this process, the nodes must not outlive it.
  process.on('exit', () => {
    for (const child of children.values()) child.kill('SIGKILL')
  })

  async function start(node: SupervisedNode, failures: number): Promise<void> {
    const child = fork(node.name)
    const startedAt = performance.now()
    children.set(node.name, child)
    log.info({ started: node.name, pid: child.pid }, 'Node started')

    child.on('exit', (code, signal) => {
      node.port = undefined
      children.delete(node.name)
      if (isStopping || !isStarted) return
      const failuresInARow = performance.now() - startedAt > HEALTHY_AFTER_MS ? 0 : failures + 1
      const delayMs = failuresInARow === 0 ? 0 : Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** failuresInARow)
      log.error({ ended: node.name, code, signal, delayMs }, 'Node exited, restarting it')
      setTimeout(() => {
        if (!isStopping) start(node, failuresInARow).catch(() => {})
      }, delayMs)
    })

    await new Promise<void>((resolve, reject) => {
      child.on('message', (message) => {
        const { data } = messageSchema.safeParse(message)
        if (!data) return
        node.port = 'listening' in data ? data.listening : undefined
        if (node.port !== undefined) resolve()
      })
      child.once('exit', () => reject(new StartError(`${node.name} failed to start. Its last log line has the reason`)))
    })
  }

  /** Signals every node to drain, and resolves when all have exited. */
  async function stop(): Promise<void> {
    isStopping = true
    const running = [...children.values()]
    const exited = running.map((child) => once(child, 'exit'))
    for (const child of running) child.kill('SIGTERM')
    await Promise.all(exited)
  }

  try {
    await Promise.all(nodes.map((node) => start(node, 0)))
  } catch (error) {
    await stop()
    throw error
  }
  isStarted = true
  return { nodes, stop }
}
