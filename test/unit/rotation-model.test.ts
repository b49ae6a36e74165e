// Every order of events of a few clients, a lossy network and crashing nodes during the rotation of one session. The real
// store runs, one Redis command at a time. Assumption: a browser's request is answered within the grace period.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import type { Exploration } from '../support/explore.ts'
import type { Scenario } from '../support/rotation-scenario.ts'

async function exploreScenario(scenario: Scenario): Promise<Exploration> {
  const worker = new Worker(new URL('../support/rotation-worker.js', import.meta.url), { workerData: scenario })
  const [exploration] = await once(worker, 'message')
  await worker.terminate()
  return exploration
}

const SCENARIOS: Record<string, Scenario> = {
  'two tabs, lost responses, and a node that crashes': { tabs: [1, 1], losses: 1, crashes: 1, times: 1 },
  'a browser that loses every other response, over many rotations': { tabs: [4], losses: 2, times: 3 },
  'a logout during the replacement and first use of a token': { tabs: [2], logouts: 1, losses: 1, times: 2 },
  'a logout with two tabs, and a node that crashes': { tabs: [1, 1], logouts: 1, crashes: 1 },
  'a logout that is repeated, because its node crashed': { tabs: [2], logouts: 2, losses: 1, crashes: 1 },
  'a thief who continues from a copy of the token': { tabs: [2], thief: 1, times: 2 },
  'a thief whose request takes longer than the grace period': { tabs: [2], thief: 1, isThiefSlow: true, times: 1 },
  'a thief who keeps using the first token': { tabs: [2], replays: 1, times: 2 },
  'nodes that remember their renewals': { tabs: [2, 1], times: 1, remembers: true },
  'an idle timeout of 1.5 grace periods': { tabs: [2], losses: 1, crashes: 1, times: 3, ttlSeconds: 15 },
}

const explored = new Map<string, number>()
for (const [what, scenario] of Object.entries(SCENARIOS)) {
  test(`no order of events loses a session or keeps two tokens alive: ${what}`, async () => {
    const { states, fault } = await exploreScenario(scenario)
    assert.equal(fault, undefined)
    assert.ok(states > 100, `${states} states`)
    explored.set(what, states)
  })
}

// Negative controls: they show that the model detects a broken rule.
const REFUSED = /^a live session was rejected|^the session was lost/
const RETURNED = /^an ended session was/
for (const [broken, scenario, fault] of [
  ['a replaced token is deleted at the first use of the new one', { tabs: [2, 1], times: 1 }, REFUSED],
  [
    'a replaced token is deleted after the grace period, even if the new one is unused',
    { tabs: [2], losses: 1, times: 1 },
    REFUSED,
  ],
  ['a replaced token is never retired', { tabs: [2], replays: 1, times: 2 }, /^two tokens were accepted/],
  ['a write does not check the value that it replaces', { tabs: [1], logouts: 1 }, RETURNED],
  ['a reused token has no consequence', { tabs: [2], replays: 1, times: 2 }, RETURNED],
] as const) {
  test(`the model detects a broken rule: ${broken}`, async () => {
    const found = await exploreScenario({ ...scenario, tabs: [...scenario.tabs], broken })
    assert.match(found.fault ?? 'none', fault)
  })
}
after(() => {
  const states = [...explored.values()].reduce((sum, one) => sum + one, 0)
  // A filter by title leaves scenarios out.
  if (explored.size === Object.keys(SCENARIOS).length) assert.ok(states > 5_000, `only ${states} states`)
})
