// Measures what a session costs: make bench
import { cpus, totalmem } from 'node:os'
import { generator, putLoad } from './benchmark/load.ts'
import { logIn, type Measurement, meanOf, measure, type Subject, saturate } from './benchmark/measure.ts'
import { type Found, sumUp } from './benchmark/report.ts'
import { renderText, writeReport } from './benchmark/report-page.ts'
import { CACHED, openBench, TIERS, type Tier } from './benchmark/tier.ts'

const rounds = wholeNumber('BENCH_ROUNDS', 6)
const seconds = wholeNumber('BENCH_SECONDS', 3)
const rate = wholeNumber('BENCH_RATE', 400)
/** How often each is measured in a round. */
const turns = wholeNumber('BENCH_TURNS', 3)
const NODES = 3
/** How cost grows with the nodes is looked at with so many of them. */
const growth = (process.env.BENCH_NODES ?? '1 2 3 5').split(' ').filter(Boolean).map(Number)
/** While sessions end by the thousand. */
const BACKGROUND_RATE = 100

process.on('uncaughtException', ({ message }) => {
  console.error(`Nothing is concluded: ${message}`)
  process.exit(1)
})
const bench = await openBench()
// What the rival keeps has another name. Only here, in a Redis that is thrown away.
await bench.redis('ACL', 'SETUSER', 'app', '~sess:*')
// Otherwise the append-only file would shrink in between, and could not be compared.
await bench.redis('CONFIG', 'SET', 'auto-aof-rewrite-percentage', '0')

const found: Pick<Found, 'rounds' | 'saturated' | 'growth'> = { rounds: [], saturated: [], growth: [] }
for (const nodes of growth) {
  console.log(`With ${nodes} ${nodes === 1 ? 'node' : 'nodes'}`)
  found.growth.push(await measureAll(await prepare(nodes)))
}
for (let round = 1; round <= rounds; round++) {
  console.log(`With ${NODES} nodes, round ${round} of ${rounds}`)
  const subjects = await prepare(NODES)
  found.rounds.push(await measureAll(subjects))
  const fastest = new Map<Tier['name'], number>()
  for (const subject of subjects) fastest.set(subject.tier.name, await saturate(subject, seconds))
  const of = (name: Tier['name']) => fastest.get(name) ?? Number.NaN
  found.saturated.push({ floor: of('floor'), ours: of('ours'), cached: of('cached'), rival: of('rival') })
}
console.log('How long an ended session is still honoured with SESSION_CACHE=on')
await bench.stop(TIERS.filter((tier) => tier !== CACHED))
const revocation = await withLoad(CACHED, () => runInside('inside'))
console.log('Memory, and the time of a login, with more and more sessions')
await bench.stop([CACHED])
await bench.compose('--profile', 'inside', 'up', '--detach', '--wait', 'large-redis')
const memory = await runInside('large')

const report = sumUp(
  { ...found, revocation, memory },
  {
    machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    load: `${rate} requests a second of ${generator()}, ${rounds} rounds of ${turns} times ${seconds} s`,
    finishedAt: new Date().toISOString(),
  },
)
console.log(`\n${renderText(report)}\nThe report is ${await writeReport(report)}`)
process.exitCode = report.bars.every(({ isKept }) => isKept) ? 0 : 1

/** Every tier with so many nodes that have just started, logged in to, and warm. */
async function prepare(nodes: number): Promise<Subject[]> {
  await bench.setNodes(nodes)
  await bench.redis('FLUSHALL')
  const subjects: Subject[] = []
  for (const tier of TIERS) {
    const url = await bench.urlOf(tier)
    subjects.push({ tier, url, cookies: await logIn(tier, url), containers: await bench.containersOf(tier) })
  }
  // Until then it is the compiler that is measured.
  for (const subject of subjects) await saturate(subject, 2 * seconds)
  return subjects
}

/** In turn, a while each and that several times over, so that what the machine does besides hits all alike. */
async function measureAll(subjects: readonly Subject[]): Promise<Measurement[]> {
  const taken = new Map<Subject, Measurement[]>(subjects.map((subject) => [subject, []]))
  for (let turn = 0; turn < turns; turn++) {
    // Each time another one is the first.
    for (const subject of [...subjects.slice(turn), ...subjects.slice(0, turn)]) {
      taken.get(subject)?.push(await measure(bench, subject, { rate, seconds }))
    }
  }
  return [...taken.values()].map(meanOf)
}

/** A program of app/test/bench, in a container beside the nodes; its last line is JSON. */
async function runInside(service: string) {
  const said = await bench.compose('--profile', 'inside', 'run', '--rm', '--no-TTY', '--no-deps', service)
  return JSON.parse(said.trim().split('\n').at(-1) ?? '')
}

async function withLoad<T>(tier: Tier, work: () => Promise<T>): Promise<T> {
  const url = await bench.urlOf(tier)
  const cookies = await logIn(tier, url)
  let isDone = false
  const loading = (async () => {
    while (!isDone) await putLoad({ tier, url, cookies, seconds: 5, rate: BACKGROUND_RATE })
  })()
  try {
    return await work()
  } finally {
    isDone = true
    await loading
  }
}

function wholeNumber(name: string, standard: number): number {
  const value = Number(process.env[name] || standard)
  if (Number.isInteger(value) && value > 0) return value
  console.error(`${name} must be a whole number above 0`)
  process.exit(2)
}
