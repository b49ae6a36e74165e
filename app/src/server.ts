import { createApp } from './app.ts'
import { readConfig } from './config.ts'
import { endOnFailure } from './process/end-on-failure.ts'
import { startNode } from './start-node.ts'

await endOnFailure(() => startNode(readConfig(process.env), createApp))
