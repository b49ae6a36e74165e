import { createClient } from './client.ts'
import type { App } from './description.ts'
import { explore } from './explore.ts'
import { createWorld, LoginFailed } from './world.ts'

interface Given {
  app: App
  folder: string
  signal: AbortSignal
}

/** Prints the description as JSON, because k6 reads no YAML, with the nodes that it has found. Returns the exit status. */
export async function forK6({ app, folder, signal }: Given): Promise<number> {
  const client = createClient({ url: app.url, maxRequests: 200, maxSeconds: 60, signal })
  const world = createWorld({ app, folder, signal, client })
  try {
    await explore(world)
  } catch (error) {
    if (!(error instanceof LoginFailed)) throw error
    console.error(`Nothing was proved: ${error.message}.`)
    return 2
  } finally {
    await world.leave()
  }
  const { name, url, login, logout, user, node, accounts } = app
  console.log(JSON.stringify({ name, url, nodes: world.nodes, speech: { login, logout, user, node }, accounts }))
  return 0
}
