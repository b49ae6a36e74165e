// Every order of events that a few clients, a lossy network and dying nodes can make of the rotation of one session. The real
// store is driven, one Redis command at a time. Assumed: a request of a browser is answered within the grace.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import type { Exploration } from '../lib/explore.ts'
import type { Scenario } from '../lib/rotation-world.ts'

async function exploreScenario(scenario: Scenario): Promise<Exploration> {
  const worker = new Worker(new URL('../lib/rotation-worker.js', import.meta.url), { workerData: scenario })
  const [exploration] = await once(worker, 'message')
  await worker.terminate()
  return exploration
}

const SCENARIOS: Record<string, Scenario> = {
  'two tabs, answers that are lost, and a node that dies': { tabs: [1, 1], losses: 1, crashes: 1, times: 1 },
  'a browser that loses every other answer, over many rotations': { tabs: [4], losses: 2, times: 3 },
  'a logout while a token is replaced and used for the first time': { tabs: [2], logouts: 1, losses: 1, times: 2 },
  'a logout among two tabs, and a node that dies': { tabs: [1, 1], logouts: 1, crashes: 1 },
  'a thief who goes on from a copy of the token': { tabs: [2], thief: 1, times: 2 },
  'a thief whose request takes longer than the grace': { tabs: [2], thief: 1, isThiefSlow: true, times: 1 },
  'a thief who goes on using the first token': { tabs: [2], replays: 1, times: 2 },
  'nodes that remember what they have renewed': { tabs: [2, 1], times: 1, remembers: true },
  'an idle timeout of one and a half graces': { tabs: [2], losses: 1, crashes: 1, times: 3, ttlSeconds: 15 },
}

let explored = 0
for (const [what, scenario] of Object.entries(SCENARIOS)) {
  test(`no order of events loses a session or keeps two tokens alive: ${what}`, async () => {
    const { states, fault } = await exploreScenario(scenario)
    assert.equal(fault, undefined)
    assert.ok(states > 100, `${states} states`)
    explored += states
  })
}

// Negative controls: what shows that the model notices a fault.
const REFUSED = /^a session that nothing had ended was refused|^the session was lost/
const RETURNED = /^a session that had ended was/
for (const [broken, scenario, fault] of [
  ['a replaced token is forgotten with the first use of the new one', { tabs: [2, 1], times: 1 }, REFUSED],
  ['a replaced token is forgotten after the grace, used or not', { tabs: [2], losses: 1, times: 1 }, REFUSED],
  ['a replaced token is never retired', { tabs: [2], replays: 1, times: 2 }, /^two tokens were honoured/],
  ['a write does not look at what it replaces', { tabs: [1], logouts: 1 }, RETURNED],
  ['a token that comes back has no consequence', { tabs: [2], replays: 1, times: 2 }, RETURNED],
] as const) {
  test(`the model notices a broken rule: ${broken}`, async () => {
    const found = await exploreScenario({ ...scenario, tabs: [...scenario.tabs], broken })
    assert.match(found.fault ?? 'none', fault)
  })
}
after(() => assert.ok(explored > 5_000, `only ${explored} states`))
