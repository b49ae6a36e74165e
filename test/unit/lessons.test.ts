import assert from 'node:assert/strict'
import { test } from 'node:test'
import { outdatedFiles, readLessons } from '../support/lesson-texts.ts'

// The lessons of the page are the source of docs/lessons/ and of the page without scripts.

test('docs/lessons/ and the page without scripts have the texts of the lessons: make lessons', async () => {
  assert.deepEqual(await outdatedFiles(), [])
})

test('each of the eight lessons has a question, three choices, something to do, and a reason', async () => {
  const lessons = await readLessons()
  assert.equal(lessons.length, 8)
  assert.equal(new Set(lessons.map(({ id }) => id)).size, 8)
  for (const { id, question, choices, expected, steps, why } of lessons) {
    assert.match(question, /\?$/, id)
    assert.equal(Object.keys(choices).length, 3, id)
    assert.ok(expected in choices, id)
    assert.ok(
      steps.some(({ command, button }) => command !== undefined || button),
      id,
    )
    assert.match(why, /\.$/, id)
  }
})

test('no sentence of a lesson has more than 25 words', async () => {
  for (const { id, question, choices, steps, why, after } of await readLessons()) {
    const texts = [question, ...Object.values(choices), why, ...[...steps, after].map((step) => step?.text ?? '')]
    for (const sentence of texts.flatMap((text) => text.split(/(?<=[.?:]) /)))
      assert.ok(sentence.split(' ').length <= 25, `${id}: ${sentence}`)
  }
})
