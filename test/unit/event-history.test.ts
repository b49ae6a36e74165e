import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAfter, isSessionEvent, type LoggedEvent } from 'app/events/event'
import { createEventHistory, HISTORY_LIMITS } from 'app/events/event-history'
import fc from 'fast-check'

const ofUser = (index: number, user: string): LoggedEvent => ({
  id: `${index}-0`,
  event: { type: 'login', user, sessionId: `session-${index}`, node: 'app-1' },
})
const ofNode = (index: number): LoggedEvent => ({ id: `${index}-0`, event: { type: 'node_up', node: `app-${index}` } })
const userOf = ({ event }: LoggedEvent) => (isSessionEvent(event) ? event.user : undefined)

test('a single user may fill the history, and then evicts only its own events', () => {
  const history = createEventHistory({ ofUsers: 100, ofNodes: 10, perUser: 5 })
  const lost: string[] = []
  for (let index = 1; index <= 10; index++) lost.push(...history.add(ofUser(index, `user-${index}`)))
  for (let index = 11; index <= 15; index++) lost.push(...history.add(ofNode(index)))
  for (let index = 16; index <= 1_000; index++) lost.push(...history.add(ofUser(index, 'busy')))
  assert.deepEqual(lost.slice(0, 2), ['16-0', '17-0'])
  const kept = history.entries()
  assert.equal(kept.length, 105)
  assert.equal(kept.filter((entry) => userOf(entry) === 'busy').length, 90)
  assert.deepEqual(
    kept.map(({ id }) => id),
    kept.map(({ id }) => id).sort((a, b) => (isAfter(a, b) ? 1 : -1)),
    'in order',
  )
})

test('if no user exceeds its share, the oldest event of all is evicted', () => {
  const history = createEventHistory({ ofUsers: 4, ofNodes: 10, perUser: 2 })
  for (const [index, user] of ['old', 'ann', 'ann', 'bob'].entries()) history.add(ofUser(index + 1, user))
  assert.deepEqual(history.add(ofUser(5, 'new')), ['1-0'])
  assert.deepEqual(history.add(ofUser(6, 'new')), ['2-0'])
})

test('the history is bounded for any number of users and nodes', () => {
  const history = createEventHistory()
  for (let index = 1; index <= 20_000; index++) {
    history.add(index % 3 === 0 ? ofNode(index) : ofUser(index, `user-${index % 5_000}`))
  }
  assert.equal(history.entries().length, HISTORY_LIMITS.ofUsers + HISTORY_LIMITS.ofNodes)
})

test('every node, also one started later, reports a gap to each user whose events were evicted', () => {
  const who = fc.oneof(fc.constant(undefined), fc.constant('busy'), fc.integer({ min: 1, max: 6 }).map(String))
  fc.assert(
    fc.property(fc.array(who, { minLength: 30, maxLength: 80 }), fc.nat(), (whose, chosen) => {
      const limits = { ofUsers: 10, ofNodes: 10, perUser: 2 }
      const history = createEventHistory(limits)
      const all = whose.map((user, index) => (user === undefined ? ofNode(index + 1) : ofUser(index + 1, user)))
      for (const entry of all) history.add(entry)
      const later = createEventHistory(limits)
      later.replace(history.entries())
      const afterId = `${chosen % 81}-0`
      for (const { isComplete, entries } of [history, later]) {
        for (const viewer of [undefined, 'busy', '1', '2']) {
          const missed = all.filter(
            (entry) => isAfter(entry.id, afterId) && [undefined, viewer].includes(userOf(entry)),
          )
          if (isComplete(viewer, afterId)) assert.ok(missed.every((entry) => entries().includes(entry)))
        }
      }
    }),
    { numRuns: 2_000 },
  )
})

test('a user without evicted events gets no gap while another user loses events', () => {
  const history = createEventHistory({ ofUsers: 50, ofNodes: 10, perUser: 5 })
  history.add(ofUser(1, 'first'))
  history.add(ofUser(2, 'quiet'))
  for (let index = 3; index < 500; index++) history.add(ofUser(index, 'busy'))
  history.add(ofUser(500, 'quiet'))
  assert.equal(history.isComplete('quiet', '2-0'), true)
  assert.equal(history.isComplete('busy', '2-0'), false)
  assert.equal(history.isComplete(undefined, '2-0'), true)
})
