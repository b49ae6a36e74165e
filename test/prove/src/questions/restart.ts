import { setTimeout as sleep } from 'node:timers/promises'
import { type Finding, many, notDescribed, tally } from '../finding.ts'
import { runShell } from '../shell.ts'
import type { Seen, Visitor } from '../visitor.ts'
import type { Question, World } from '../world.ts'

const VISITORS = 6
const EVERY_MS = 100
/** In a restart that takes longer, the rest of its time is observed with as many requests again. */
const MOST_AT_THIS_PACE = 500
/** A command that lets fewer requests pass has restarted nothing that serves. */
const FEWEST_REQUESTS = 10

/** A rolling restart is invisible to users. */
export const restart: Question = {
  id: 'rolling-restart',
  title: 'A rolling restart signs nobody out and fails no request',
  async ask(world): Promise<Finding> {
    const how = world.app.restart
    if (how === undefined) return notDescribed('The description does not say how to restart the nodes.')
    const visitors: Visitor[] = []
    for (let login = 0; login < VISITORS; login++) visitors.push((await world.logIn()).visitor)
    const { seen, failure } = await askDuring(world, visitors, how)
    const did = `Logged in ${VISITORS} times, ran the restart, and sent ${many(seen.length, 'request')} meanwhile.`
    const after: string[] = []
    for (const visitor of visitors) await world.askEveryNode(visitor, 1, ({ standing }) => void after.push(standing))
    const saw = [
      `During the restart: ${tally(seen.map(wordFor))}.`,
      ...(world.nodes.length > 0 ? [`Served by: ${tally(seen.map(({ node }) => node ?? 'no named node'))}.`] : []),
      `Afterwards: ${tally(after)}.`,
    ]
    if (failure !== undefined) return { did, saw, verdict: 'NOT JUDGED', concluded: `The restart ${failure}.` }
    return { did, saw, ...judge(seen, after) }
  },
}

const wordFor = ({ standing, status, failure }: Seen) =>
  standing === 'failed' ? (failure ?? String(status)) : standing

async function askDuring(world: World, visitors: readonly Visitor[], how: { command: string; seconds: number }) {
  const { folder, signal } = world
  let isRunning = true
  const command = runShell(how.command, { folder, seconds: how.seconds, signal }).finally(() => {
    isRunning = false
  })
  const requests: Promise<Seen>[] = []
  while (isRunning) {
    const visitor = visitors[requests.length % visitors.length]
    if (visitor !== undefined) requests.push(visitor.whoAmI())
    await sleep(requests.length < MOST_AT_THIS_PACE ? EVERY_MS : (how.seconds * 1000) / MOST_AT_THIS_PACE)
  }
  return { seen: await Promise.all(requests), failure: await command }
}

function judge(seen: readonly Seen[], after: readonly string[]): Pick<Finding, 'verdict' | 'concluded'> {
  const all = [...seen.map(({ standing }) => standing), ...after]
  const count = (what: string) => all.filter((one) => one === what).length
  const wrong = [
    ...(count('signed out') > 0 ? [`${many(count('signed out'), 'request')} found the user signed out`] : []),
    ...(count('another user') > 0 ? [`${many(count('another user'), 'request')} found another user`] : []),
    ...(count('failed') > 0 ? [`${many(count('failed'), 'request')} failed`] : []),
  ]
  if (wrong.length > 0) return { verdict: 'FAIL', concluded: `${wrong.join('; ')}.` }
  if (seen.length < FEWEST_REQUESTS)
    return {
      verdict: 'NOT JUDGED',
      concluded: `The restart ended after ${many(seen.length, 'request')}, too few to judge.`,
    }
  return { verdict: 'PASS', concluded: `All ${seen.length} requests during the restart were honoured.` }
}
