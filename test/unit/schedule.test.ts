import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { FOLDERS, findFiles, NAMED } from '../runner/plan.ts'
import { type Job, runAll } from '../runner/schedule.ts'

test('test files run in parallel within the machine’s capacity, in order, and each once', async () => {
  const shares = [0.4, 0.4, 0.4, 0.2, 1, 0.3, 0.3]
  const jobs = shares.map(
    (share, place): Job => ({ name: `${place}`, phase: place === 4 ? 'alone' : 'together', share }),
  )
  const started: string[] = []
  const seen: string[][] = []
  const running = new Set<string>()
  await runAll(jobs, async ({ name }) => {
    started.push(name)
    running.add(name)
    seen.push([...running])
    await turn()
    running.delete(name)
  })
  for (const names of seen) {
    const sum = names.reduce((total, name) => total + (shares[Number(name)] ?? 0), 0)
    assert.ok(sum <= 1.001, `${names} ran at once`)
  }
  assert.ok(seen.some((names) => names.length > 2))
  assert.deepEqual([...started].sort(), ['0', '1', '2', '3', '4', '5', '6'])
  assert.deepEqual(started.slice(0, 3), ['0', '1', '3'], 'a small file overtakes one that has to wait')
  assert.equal(started.at(-1), '4', 'the phase of what runs alone is last')
})

test('a test file that fails to start ends the run with its error', async () => {
  await assert.rejects(
    runAll([{ name: 'one', phase: 'together', share: 1 }], () => Promise.reject(new Error('not started'))),
    /not started/,
  )
})

test('smaller test files overtake a waiting large one only while another large one runs', async () => {
  const started: string[] = []
  const jobs = [0.3, 0.3, 0.3, 0.6, 0.3, 0.6, 0.3].map(
    (share, place): Job => ({ name: `${place}`, phase: 'together', share }),
  )
  await runAll(jobs, async ({ name }) => {
    started.push(name)
    // The first large file takes longest.
    for (let left = name === '3' ? 20 : 1; left > 0; left--) await turn()
  })
  assert.deepEqual(started, ['0', '1', '2', '3', '4', '6', '5'])
})

test('no file that starts containers runs while a browser needs a network that does not change', async () => {
  const networks = ['changes', 'changes', 'still', undefined, 'changes', 'still'] as const
  const jobs = networks.map((network, place): Job => ({ name: `${place}`, phase: 'together', share: 0.3, network }))
  const running = new Set<Job>()
  const pairs = new Set<string>()
  await runAll(jobs, async (job) => {
    for (const { network } of running) pairs.add([network, job.network].map(String).sort().join())
    running.add(job)
    await turn()
    running.delete(job)
  })
  assert.ok(!pairs.has('changes,still'), 'a browser ran beside a stack')
  assert.ok(pairs.has('changes,changes') && pairs.has('changes,undefined'))
})

test('each file that the plan names exists, and only patient files run beside the drills', async () => {
  const files = await findFiles(fileURLToPath(new URL('..', import.meta.url)), FOLDERS, { canIsolate: true })
  const names = files.map(({ name }) => name)
  assert.deepEqual(
    NAMED.filter((name) => !names.includes(name)),
    [],
  )
  const beside = files.filter(({ phase, name }) => phase === 'drills' && !name.startsWith('stack/'))
  assert.ok(beside.length > 0 && beside.every(({ isPatient }) => isPatient))
})
