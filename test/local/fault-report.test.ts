import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { FAULTS } from '../faults/all.ts'
import type { Outcome } from '../faults/fault.ts'
import { recoveredAt } from '../faults/judge.ts'
import { type FaultReport, isProved, renderText } from '../faults/report.ts'
import { TOP } from '../lib/command.ts'

const SURVIVED: Outcome = {
  ...{ name: 'kill-node', title: 'A node is killed', answers: { '200': 100, '0': 1 }, slowestMs: 120 },
  ...{ boundSlowestMs: 2_000, lost: 0, recoverMs: 2_400, boundRecoverMs: 10_000, missed: [] },
}
const REPORT: FaultReport = {
  ...{ name: 'chaos', url: 'http://localhost:8080', finishedAt: '2026-01-01T00:00:00Z', load: '40 requests a second' },
  ...{ outcomes: [SURVIVED], controls: [], balance: [] },
}

test('docs/faults.md explains every fault, and the README counts them', async () => {
  const [faults, readme] = await Promise.all(
    ['docs/faults.md', 'README.md'].map((path) => readFile(`${TOP}/${path}`, 'utf8')),
  )
  for (const { name } of FAULTS) assert.ok(faults?.includes(`\`${name}\``), name)
  assert.equal(FAULTS.length, 18)
  assert.match(readme ?? '', /breaks the stack that is up in eighteen ways/)
})

test('a report in which everything was survived says so, with what users saw', () => {
  assert.ok(isProved(REPORT))
  assert.match(
    renderText(REPORT),
    /A node is killed +no answer ×1, 200 ×100 +0\.1 s of 2\.0 s +0 +2\.4 s +10\.0 s +survived\n\nPROVED$/,
  )
})

test('one missed bound, one control that nobody noticed, one thing that has grown, or nothing at all: not proved', () => {
  const missed = ['it took 12000 ms to recover']
  for (const changed of [
    { outcomes: [SURVIVED, { ...SURVIVED, missed }] },
    { controls: [{ title: 'No deadline', fault: 'Redis hangs', noticed: undefined }] },
    { balance: [{ what: 'keys', before: 1, after: 2, isLevel: false }] },
    { outcomes: [] },
  ]) {
    assert.ok(!isProved({ ...REPORT, ...changed }))
    assert.match(renderText({ ...REPORT, ...changed }), /NOT PROVED$/)
  }
  assert.match(renderText({ ...REPORT, outcomes: [{ ...SURVIVED, missed }] }), /FAILED\n\nkill-node: it took 12000 ms/)
})

test('recovered is when every node has served and the last wrong answer has come', () => {
  const answer = (startedMs: number, servedBy: string, status = 200) =>
    ({ kind: 'ask', startedMs, tookMs: 10, status, servedBy }) as const
  const nodes = ['app-1', 'app-2']
  assert.equal(recoveredAt([answer(100, 'app-1')], nodes, 0), undefined)
  assert.equal(recoveredAt([answer(100, 'app-1'), answer(200, 'app-2')], nodes, 0), 210)
  assert.equal(recoveredAt([answer(100, 'app-1'), answer(200, 'app-2'), answer(300, 'nginx', 502)], nodes, 0), 310)
  assert.equal(recoveredAt([answer(100, 'app-1'), answer(200, 'app-2')], nodes, 150), undefined)
})
