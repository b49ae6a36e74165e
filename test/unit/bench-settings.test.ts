// What make bench reads: its variables, the processor time of k6 and that of the threads that hash passwords.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { secondsOfChild } from '../bench/load.ts'
import { hashNanos } from '../bench/login.ts'
import { readSettings } from '../bench/settings.ts'

test('a full run has at least five rounds, and a million sessions', () => {
  const { isQuick, rounds, nodes, sizes } = readSettings({})
  assert.ok(!isQuick && rounds >= 5 && nodes === 3 && sizes.includes(1_000_000))
})

test('QUICK=1 measures fewer rounds and nodes, and not a million sessions', () => {
  const quick = readSettings({ QUICK: '1' })
  const full = readSettings({ QUICK: '' })
  assert.ok(quick.isQuick && quick.rounds < full.rounds && quick.nodes < full.nodes)
  assert.ok(quick.sizes.every((size) => size < 1_000_000) && quick.growth.length < full.growth.length)
})

test('the variables BENCH_* change a full and a quick run, and an empty BENCH_NODES measures no other number of nodes', () => {
  const env = { BENCH_ROUNDS: '9', BENCH_SIZES: '500 1000', BENCH_NODES: '' }
  for (const QUICK of ['', '1']) {
    const { rounds, sizes, growth } = readSettings({ ...env, QUICK })
    assert.deepEqual({ rounds, sizes, growth }, { rounds: 9, sizes: [500, 1_000], growth: [] })
  }
  assert.deepEqual(readSettings({ QUICK: '1', BENCH_NODES: '1 2' }).growth, [1, 2])
})

test('an invalid value is an error that names the variable', () => {
  for (const name of ['BENCH_ROUNDS', 'BENCH_NODES', 'BENCH_SIZES', 'BENCH_REST_SECONDS']) {
    for (const value of ['0', '-1', '1.5', 'many']) assert.throws(() => readSettings({ [name]: value }), RegExp(name))
  }
})

test('the processor time of k6 is that of the children of its shell, in the format of dash, bash and busybox', () => {
  assert.ok(Math.abs(secondsOfChild('k6 ran 3m1s\n0m0.010000s 0m0.000000s\n1m2.500000s 0m0.250000s\n') - 62.75) < 1e-9)
  assert.ok(Math.abs(secondsOfChild('0m0.00s 0m0.00s\n0m1.25s 0m0.50s') - 1.75) < 1e-9)
})

test('the processor time of a hash is that of the threads with a lower priority, whatever their name', () => {
  const stat = (id: number, name: string, nice: number) =>
    `/proc/7/task/${id}/stat:${id} (${name}) S 1 7 7 0 -1 4194560 9 0 0 0 5 2 0 0 ${20 + nice} ${nice} 11 0 100 0 0`
  const lines = [
    ...[stat(7, 'node', 0), stat(20, 'odd) (name 1 2', 10), stat(21, 'V8Worker', 0), stat(22, 'node', 10)],
    '/proc/7/task/7/schedstat:9000 1 1',
    ...['/proc/7/task/20/schedstat:500 1 1', '/proc/7/task/22/schedstat:70 1 1'],
  ]
  assert.equal(hashNanos(lines.join('\n')), 570)
  assert.equal(hashNanos(''), 0)
})
