// The code that the page, the k6 scripts and `make prove` share: app/page/shared.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countRequest, emptyMatrix, findCell, stateOf } from 'loadtest/shared/matrix'
import { createRound } from 'loadtest/shared/round'

test('a cell with one rejected request is rejected, and a cell without a request is never seen', () => {
  const matrix = emptyMatrix(['app-1', 'app-2'])
  const state = () => stateOf(findCell(matrix, 'app-1', 'app-2'))
  assert.equal(state(), 'never seen')
  countRequest(matrix, 'app-1', 'app-2', true)
  assert.equal(state(), 'honoured')
  countRequest(matrix, 'app-1', 'app-2', false)
  countRequest(matrix, 'app-1', 'app-2', true)
  assert.equal(state(), 'rejected')
})

test('a request served by an unexpected node is counted in its own cell', () => {
  const matrix = emptyMatrix(['app-1'])
  countRequest(matrix, 'app-1', 'app-9', false)
  assert.deepEqual(matrix.at(-1), { createdOn: 'app-1', servedBy: 'app-9', honoured: 0, rejected: 1 })
})

for (const [what, served, sent] of [
  ['every node has served its requests', ['app-1', 'app-2'], 4],
  ['too many requests did not reach every node', ['app-1'], 40],
] as const)
  test(`a round ends when ${what}`, () => {
    const round = createRound({ nodes: () => ['app-1', 'app-2'], times: 2 })
    let count = 0
    for (; round.goesOn(); count++) round.add(served[count % served.length] ?? '')
    assert.equal(count, sent)
  })

test('a round reaches every node behind a balancer that chooses at random', () => {
  const nodes = ['app-1', 'app-2', 'app-3']
  const dice = createDice(7)
  for (let rounds = 0; rounds < 2_000; rounds++) {
    const round = createRound({ nodes: () => nodes, times: 1 })
    const served = new Set<string>()
    while (round.goesOn()) {
      const node = nodes[dice(nodes.length)] ?? ''
      served.add(node)
      round.add(node)
    }
    assert.equal(served.size, nodes.length, `round ${rounds} ended without a request to every node`)
  }
})

/** Numbers below `sides`, the same in each run (a linear congruential generator). */
function createDice(seed: number): (sides: number) => number {
  let state = seed
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * sides)
  }
}
