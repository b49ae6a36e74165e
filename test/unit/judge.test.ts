import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Counted, judge } from 'loadtest/lib/judge'
import { report } from 'loadtest/lib/report'
import type { ProofReport } from 'loadtest/lib/report-page'
import type { Summary } from 'loadtest/lib/summary'

const NODES = ['app-1', 'app-2']

/** A run that proves everything. Each test removes something from it. */
const whole = (): Counted => ({
  nodes: NODES,
  minPerCell: 5,
  checks: [{ name: 'login succeeds', passed: 3, failed: 0 }],
  matrix: NODES.flatMap((createdOn) => NODES.map((servedBy) => ({ createdOn, servedBy, honoured: 5, rejected: 0 }))),
  logout: NODES.map((node) => ({
    node,
    acceptedBefore: 5,
    rejectedBefore: 0,
    acceptedAfter: 0,
    rejectedAfter: 5,
  })),
  load: { honoured: 90, rejected: 0, needed: 90, p95Ms: 12, p95LimitMs: 250 },
  faults: { honoured: 1, lost: 0 },
  missed: [],
})
const cellsOf = ({ matrix = [] }: Counted) => matrix
const logoutOf = ({ logout = [] }: Counted) => [...logout]
const loadOf = ({ load }: Counted) => load ?? assert.fail()

test('the judge accepts a complete run', () => {
  assert.deepEqual(judge(whole()), [])
})

for (const [what, spoil, reason] of [
  ['an empty run', () => ({ nodes: NODES, minPerCell: 5, checks: [] }), /nothing was counted/],
  ['one node', (run) => ({ ...run, nodes: ['app-1'] }), /1 node only/],
  ['no node', (run) => ({ ...run, nodes: [] }), /0 nodes only/],
  ['no pair', (run) => ({ ...run, matrix: [] }), /created on app-1, served by app-1: seen 0 times/],
  [
    'sessions created on one node only',
    (run) => ({ ...run, matrix: cellsOf(run).filter(({ createdOn }) => createdOn === 'app-1') }),
    /created on app-2, served by app-1: seen 0 times/,
  ],
  [
    'a pair that was rejected once',
    (run) => ({ ...run, matrix: cellsOf(run).map((cell) => ({ ...cell, rejected: 1 })) }),
    /created on app-2, served by app-1: rejected 1 times/,
  ],
  ['a minimum of 0', (run) => ({ ...run, minPerCell: 0, matrix: [] }), /MIN_PER_CELL is not a whole number above 0/],
  ['a minimum that is no number', (run) => ({ ...run, minPerCell: Number.NaN }), /MIN_PER_CELL is not a whole number/],
  ['no logout', (run) => ({ ...run, logout: [] }), /before the logout, app-1 accepted the copied cookie 0 of 0 times/],
  [
    'a copy that no node accepted before the logout',
    (run) => ({ ...run, logout: logoutOf(run).map((one) => ({ ...one, acceptedBefore: 0, rejectedBefore: 5 })) }),
    /before the logout, app-1 accepted the copied cookie 0 of 5 times/,
  ],
  [
    'a logout that one node ignores',
    (run) => ({ ...run, logout: logoutOf(run).map((one, index) => ({ ...one, acceptedAfter: index })) }),
    /after the logout, app-2 did not reject the cookie 1 times/,
  ],
  [
    'a node without a request after the logout',
    (run) => ({ ...run, logout: logoutOf(run).map((one, index) => ({ ...one, rejectedAfter: 5 * index })) }),
    /after the logout, app-1 rejected the cookie 0 times, at least 5 are needed/,
  ],
  ['no load', (run) => ({ ...run, load: { ...loadOf(run), honoured: 0 } }), /under load 0 sessions were honoured/],
  [
    'a load without requests',
    (run) => ({ ...run, load: { ...loadOf(run), honoured: 0, needed: 0 } }),
    /under load 0 sessions/,
  ],
  [
    'a refusal under load',
    (run) => ({ ...run, load: { ...loadOf(run), rejected: 1 } }),
    /under load 1 requests did not/,
  ],
  ['a slow load', (run) => ({ ...run, load: { ...loadOf(run), p95Ms: 250 } }), /up to 250\.0 ms, not under 250/],
  [
    'a load without response times',
    (run) => ({ ...run, load: { ...loadOf(run), p95Ms: undefined } }),
    /was not measured/,
  ],
  ['faults without an accepted session', (run) => ({ ...run, faults: { honoured: 0, lost: 0 } }), /none could be lost/],
  ['a lost session', (run) => ({ ...run, faults: { honoured: 9, lost: 1 } }), /1 requests found their session lost/],
  [
    'a check that failed',
    (run) => ({ ...run, checks: [{ name: 'logout succeeds', passed: 1, failed: 1 }] }),
    /check "logout succeeds": passed 1 of 2/,
  ],
  [
    'a check that never ran',
    (run) => ({ ...run, checks: [{ name: 'logout succeeds', passed: 0, failed: 0 }] }),
    /check "logout succeeds": passed 0 of 0/,
  ],
  ['a failed threshold of k6', (run) => ({ ...run, missed: ['checks: rate==1'] }), /checks: rate==1/],
] as [string, (run: Counted) => Counted, RegExp][])
  test(`the judge rejects a run and names the reason: ${what}`, () => {
    assert.match(judge(spoil(whole())).join('\n'), reason)
  })

const settings = {
  ...{ baseUrl: 'http://localhost:8080', reportFolder: 'report', nodes: NODES, minPerCell: 1 },
  ...{ requestsPerSecond: 10, loadSeconds: 1, p95Ms: 250 },
}
const counter = (count: number) => ({ values: { count } })

/** The data of k6 after a good run without thresholds. */
function summaryOf(metrics: Summary['metrics'] = {}): Summary {
  const cells = NODES.flatMap((createdOn) =>
    NODES.map((servedBy) => [`session_honoured{created_on:${createdOn},served_by:${servedBy}}`, counter(1)] as const),
  )
  const copies = NODES.flatMap((node) =>
    ['accepted_before', 'rejected_after'].map((name) => [`copy_${name}{served_by:${node}}`, counter(1)] as const),
  )
  const load = { load_honoured: counter(9), 'http_req_duration{scenario:load,name:user}': { values: { 'p(95)': 5 } } }
  return {
    metrics: { ...Object.fromEntries([...cells, ...copies]), ...load, ...metrics },
    root_group: { checks: [{ name: 'login succeeds', passes: 1, fails: 0 }] },
    state: { testRunDurationMs: 1000 },
  }
}

/** The files and the text of a run of loadtest/all.ts with this summary. */
function reportOf(summary: Summary) {
  const made = report({ name: 'all', parts: ['matrix', 'logout', 'load'], settings })(summary)
  const json = made['report/all.json'] ?? ''
  const verdict: ProofReport = JSON.parse(json)
  return { ...verdict, json, page: made['report/all.html'] ?? '', text: made.stdout ?? '' }
}

test('the terminal, the page and the JSON file of a k6 run have the same verdict', () => {
  const good = reportOf(summaryOf())
  assert.deepEqual(good.reasons, [])
  assert.match(good.text, /\nPROVED\n$/)
  assert.match(good.page, /<title>Proved:/)
  assert.match(
    good.page,
    />Proved: every node honours the sessions of all nodes, and after a logout every node rejects/,
  )
  assert.match(good.json, /^ {2}"proved": true,$/m)
  const bad = reportOf(summaryOf({ load_rejected: counter(1) }))
  assert.match(bad.text, /\nNOT PROVED\n {2}under load 1 requests/)
  assert.match(bad.page, /<title>Not proved:[\s\S]*<li>under load 1 requests/)
  assert.match(bad.json, /^ {2}"proved": false,$/m)
})

test('a k6 run in which every login failed is not proved, with or without thresholds', () => {
  const { proved, reasons } = reportOf({
    metrics: {},
    root_group: { checks: [{ name: 'login succeeds', passes: 0, fails: 1 }] },
    state: { testRunDurationMs: 1000 },
  })
  assert.equal(proved, false)
  for (const reason of [
    /created on app-1, served by app-2/,
    /before the logout, app-1/,
    /under load 0/,
    /check "login/,
  ])
    assert.match(reasons.join('\n'), reason)
})

test('the judge also judges a node that is not in NODE_NAMES', () => {
  const rejected = reportOf(summaryOf({ session_rejected: counter(2) }))
  assert.match(rejected.reasons.join('\n'), /served by a node that was not named: rejected 2 times/)
  const accepted = reportOf(summaryOf({ copy_accepted_after: counter(3) }))
  assert.match(accepted.reasons.join('\n'), /a node that was not named did not reject the cookie 3 times/)
})

test('a failed threshold of k6 is a reason against the run', () => {
  const missed = { ...counter(1), thresholds: { 'rate==1': { ok: false } } }
  assert.deepEqual(reportOf(summaryOf({ checks: missed })).reasons, ['checks: rate==1'])
})
