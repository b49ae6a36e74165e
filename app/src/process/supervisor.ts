import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { z } from 'zod'
import type { Logger } from '../logger.ts'

const SHORTEST_BACKOFF_MS = 100
const LONGEST_BACKOFF_MS = 5_000
/** A node that lived this long was well: the next one after it is started without delay again. */
const WELL_AFTER_MS = 10_000

/** What a node tells its parent. */
const messageSchema = z.union([z.object({ listening: z.number() }), z.object({ draining: z.literal(true) })])

export interface SupervisedNode {
  readonly name: string
  /** Where it listens; undefined while it starts, drains or is gone. */
  port: number | undefined
}

export interface Supervisor {
  readonly nodes: readonly SupervisedNode[]
  /** Asks every node to drain and resolves when all have ended. */
  stop(): Promise<void>
}

interface Parts {
  /** Names of the nodes to keep alive. */
  names: readonly string[]
  /** Starts the process of one node. */
  fork: (name: string) => ChildProcess
  log: Logger
}

/**
 * Keeps one process for each name alive: one that ends is replaced, with growing delay while it keeps ending.
 * Resolves when all listen. Rejects when one ends before that: what stops the first start would stop every next one.
 */
export async function superviseNodes({ names, fork, log }: Parts): Promise<Supervisor> {
  const nodes: SupervisedNode[] = names.map((name) => ({ name, port: undefined }))
  const children = new Map<string, ChildProcess>()
  let started = false
  let stopping = false

  // A parent that ends for whatever reason takes its nodes with it.
  process.on('exit', () => {
    for (const child of children.values()) child.kill('SIGKILL')
  })

  function start(node: SupervisedNode, failures: number): Promise<void> {
    const child = fork(node.name)
    const startedAt = performance.now()
    children.set(node.name, child)
    log.info({ started: node.name, pid: child.pid }, 'Node started')

    child.on('exit', (code, signal) => {
      node.port = undefined
      children.delete(node.name)
      if (stopping || !started) return
      const failuresInARow = performance.now() - startedAt > WELL_AFTER_MS ? 0 : failures + 1
      const delayMs = failuresInARow === 0 ? 0 : Math.min(LONGEST_BACKOFF_MS, SHORTEST_BACKOFF_MS * 2 ** failuresInARow)
      log.error({ ended: node.name, code, signal, delayMs }, 'Node ended, starting another in its place')
      setTimeout(() => {
        if (!stopping) start(node, failuresInARow).catch(() => {})
      }, delayMs)
    })

    return new Promise((resolve, reject) => {
      child.on('message', (message) => {
        const told = messageSchema.safeParse(message)
        if (!told.success) return
        node.port = 'listening' in told.data ? told.data.listening : undefined
        if (node.port !== undefined) resolve()
      })
      child.once('exit', () => reject(new NodeDidNotStart(node.name)))
    })
  }

  async function stop(): Promise<void> {
    stopping = true
    const running = [...children.values()]
    await Promise.all(
      running.map((child) => {
        const ended = once(child, 'exit')
        child.kill('SIGTERM')
        return ended
      }),
    )
  }

  try {
    await Promise.all(nodes.map((node) => start(node, 0)))
  } catch (error) {
    await stop()
    throw error
  }
  started = true
  return { nodes, stop }
}

/** The node has already said why on its own line. */
export class NodeDidNotStart extends Error {
  override readonly name = 'NodeDidNotStart'

  constructor(node: string) {
    super(`${node} did not start; its own line above says why`)
  }
}
