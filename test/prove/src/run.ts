import { performance } from 'node:perf_hooks'
import { createClient, OutOfBounds } from './client.ts'
import type { App } from './description.ts'
import { explore } from './explore.ts'
import type { Finding } from './finding.ts'
import { type Answered, hideSecrets, type Report } from './report.ts'
import { createWorld, LoginFailed, type MutableWorld, type Question } from './world.ts'

const MAX_SECONDS = 300

interface Given {
  app: App
  folder: string
  questions: readonly Question[]
  signal: AbortSignal
  /** Is called after each question. */
  onAnswer: (answered: Answered) => void
  maxRequests: number
}

/** Asks all questions, logs out, and returns a report without secrets. */
export async function run(given: Given): Promise<Report> {
  const { app, folder, questions, signal, onAnswer, maxRequests } = given
  const startedMs = performance.now()
  const startedAt = new Date().toISOString()
  // What the description asks for takes its own time.
  const maxSeconds = MAX_SECONDS + (app.restart?.seconds ?? 0) + (app.store === undefined ? 0 : 120)
  const client = createClient({ url: app.url, maxRequests, maxSeconds, signal })
  const world = createWorld({ app, folder, signal, client })
  const answers: Answered[] = []
  try {
    const obstacle = await findObstacle(world)
    for (const question of questions) {
      const before = performance.now()
      const finding = obstacle ?? (await askSafely(question, world))
      const { id, title } = question
      const answered = { id, title, seconds: (performance.now() - before) / 1000, ...finding }
      answers.push(answered)
      onAnswer(answered)
    }
  } finally {
    await world.leave()
  }
  signal.throwIfAborted()
  const seconds = (performance.now() - startedMs) / 1000
  const { name, url } = app
  return hideSecrets(
    { name, url, nodes: world.nodes, startedAt, seconds, requests: client.count(), answers },
    world.secrets(),
  )
}

/** Why nothing can be judged, if so. */
async function findObstacle(world: MutableWorld): Promise<Finding | undefined> {
  const did = 'Logged in and asked for the user.'
  try {
    await explore(world)
    return undefined
  } catch (error) {
    return explain(error, did)
  }
}

async function askSafely(question: Question, world: MutableWorld): Promise<Finding> {
  try {
    return await question.ask(world)
  } catch (error) {
    return explain(error, 'Started.')
  } finally {
    await world.logOutAll()
  }
}

/** A run that could not go on has seen neither good nor bad. Other errors are faults of this program. */
function explain(error: unknown, did: string): Finding {
  if (!(error instanceof LoginFailed || error instanceof OutOfBounds)) throw error
  return { verdict: 'NOT JUDGED', did, saw: [], concluded: `Not judged: ${error.message}.` }
}
