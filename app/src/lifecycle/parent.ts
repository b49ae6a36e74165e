/** Whether server-cluster.ts or server-lb.ts has started this process as one of its nodes. */
export const hasParent = () => process.send !== undefined

/** Sends a message to the supervisor in the parent process (local/supervisor.ts), if there is one. */
export function tellParent(message: { listening: number } | { draining: true }): void {
  // The parent may have exited: that, too, stops a node.
  if (process.connected) process.send?.(message)
}
