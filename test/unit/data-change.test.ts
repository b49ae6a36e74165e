import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toAddition, toMergePatch } from 'app/http/data-change'
import { Problem } from 'app/http/problem'

const isRejected = (error: unknown) => error instanceof Problem && error.status === 422
type Data = Parameters<ReturnType<typeof toMergePatch>>[0]

test('a merge patch has the results of RFC 7396, appendix A', () => {
  const cases: [Data, Data, Data][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{ a: 'foo' }, { b: [1, null] }, { a: 'foo', b: [1, null] }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ]
  for (const [before, patch, after] of cases) assert.deepEqual(toMergePatch(patch)(before), after)
})

test('a merge patch that would leave no object, or one with another prototype, is rejected', () => {
  for (const patch of [null, 'text', 1, [1], undefined]) assert.throws(() => toMergePatch(patch), isRejected)
  for (const text of [
    '{"__proto__":{"admin":true}}',
    '{"a":{"__proto__":1}}',
    `${'{"a":'.repeat(17)}1${'}'.repeat(17)}`,
  ])
    assert.throws(() => toMergePatch(JSON.parse(text)), isRejected)
  // As deep as a body of 4 kB can be.
  assert.throws(() => toMergePatch({ a: JSON.parse('['.repeat(2_000) + ']'.repeat(2_000)) }), isRejected)
})

test('an addition changes counters by JSON pointers, and creates what is missing', () => {
  const add = (data: Data, entries: Record<string, number>) => toAddition({ add: entries })(data)
  assert.deepEqual(add({}, { '/basket/tea': 2 }), { basket: { tea: 2 } })
  assert.deepEqual(add({ basket: { tea: 2, milk: 1 } }, { '/basket/tea': -1 }), { basket: { tea: 1, milk: 1 } })
  assert.deepEqual(add({}, { '/a~1b': 1, '/c~0d': 2 }), { 'a/b': 1, 'c~d': 2 })
  assert.deepEqual(add({}, { '/toString': 1 }), { toString: 1 })
})

test('an addition to what is no whole number, past the largest one, or of another form is rejected', () => {
  for (const body of [
    {},
    { add: 1 },
    { add: { tea: 1 } },
    { add: { '/tea': 0.5 } },
    { add: { '/__proto__/x': 1 } },
    [],
    null,
  ])
    assert.throws(() => toAddition(body), isRejected)
  assert.throws(() => toAddition({ add: { '/tea': 1 } })({ tea: 'much' }), isRejected)
  assert.throws(() => toAddition({ add: { '/tea/cups': 1 } })({ tea: 3 }), isRejected)
  assert.throws(() => toAddition({ add: { '/tea': 1 } })({ tea: Number.MAX_SAFE_INTEGER }), isRejected)
})
