import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { EXHIBITS } from '../museum/exhibits.ts'
import { TOP } from '../support/command.ts'

// What `make museum` has written into docs/museum.md, and what people have written about it.
const text = await readFile(`${TOP}/docs/museum.md`, 'utf8')

/** The cells of each line of a table that starts with this heading. */
function tableAfter(heading: string): string[][] {
  const lines =
    text
      .slice(text.indexOf(`| ${heading} |`))
      .split('\n\n', 1)[0]
      ?.split('\n') ?? []
  return lines.map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

test('the table of the museum has a column for each application and an answer in each cell', () => {
  const [heads = [], , ...rows] = tableAfter('Question')
  assert.equal(heads.length, EXHIBITS.length + 1)
  assert.equal(rows.length, 11)
  for (const [question, ...cells] of rows)
    for (const cell of cells) assert.match(cell, /^(pass|\*\*FAIL\*\*|not judged)$/, question)
})

test('each FAIL of the museum has its evidence, a command that repeats it, and an explanation', () => {
  const [[, ...names] = [], , ...rows] = tableAfter('Question')
  const failures = names.map((name, place) => ({
    name,
    count: rows.filter((row) => row[place + 1] === '**FAIL**').length,
  }))
  const evidence = tableAfter('Stack').slice(2)
  assert.ok(evidence.length > 0)
  for (const { name, count } of failures)
    assert.equal(evidence.filter(([stack]) => stack === name).length, count, `evidence of ${name}`)
  for (const [, question = '', saw = '', run = ''] of evidence) {
    assert.ok(saw.length > 20, saw)
    const [, exhibit, only] = /^`test\/museum\/run (\S+) --only (\S+)`$/.exec(run) ?? []
    assert.ok(
      EXHIBITS.some(({ name }) => name === exhibit),
      run,
    )
    assert.equal(`\`${only}\``, question)
    const explained = text.split(`### ${question}\n`)[1]?.split('\n#')[0] ?? ''
    for (const point of ['What happens', 'Why', 'How to avoid it'])
      assert.ok(explained.includes(`**${point}:**`), `${point} of ${question}`)
  }
})

test('this project passes every question of the museum', () => {
  const [heads = [], , ...rows] = tableAfter('Question')
  const own = heads.indexOf('This project')
  assert.ok(own > 0)
  assert.deepEqual(
    rows.filter((row) => row[own] !== 'pass'),
    [],
  )
})
