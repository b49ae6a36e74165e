import { readConfig } from './config.ts'
import { endOnFailure } from './lifecycle/end-on-failure.ts'
import { runNode } from './lifecycle/run-node.ts'
import { buildNode } from './node.ts'

/** One node. */
async function startNode(): Promise<void> {
  const config = readConfig(process.env)
  await runNode(await buildNode(config), config)
}

await endOnFailure(startNode)
