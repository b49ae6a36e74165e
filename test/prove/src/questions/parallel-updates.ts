import { type Finding, many, notDescribed, tally } from '../finding.ts'
import type { Reply, Visitor } from '../visitor.ts'
import type { Question, World } from '../world.ts'

/** Changes that several nodes make at once all stay. */
export const parallelUpdates: Question = {
  id: 'parallel-updates',
  title: 'Parallel changes of session data are not lost',
  async ask(world): Promise<Finding> {
    const { data } = world.app
    if (data === undefined) return notDescribed('The description has no data of the session.')
    const did = `Changed the data of one session once, then ${data.changes} times at once, and read them.`
    const { visitor } = await world.logIn()
    const standings: string[] = []
    await world.askEveryNode(visitor, 2, ({ standing }) => void standings.push(standing))
    const notJudged = (concluded: string, saw: string[] = []): Finding => ({
      did,
      saw,
      verdict: 'NOT JUDGED',
      concluded,
    })
    if (standings.some((one) => one !== 'honoured'))
      return notJudged('The session itself is not honoured every time.', [`Requests were: ${tally(standings)}.`])

    const before = await visitor.readData()
    const change = await visitor.copy().prepareChange()
    const one = await change(0)
    const start = await visitor.readData()
    if (before === undefined || start === undefined) return notJudged('The data could not be read.')
    if (start !== before + 1)
      return notJudged('One change alone did not add one, so the description does not fit.', [
        `The change got ${one.failure ?? one.status}. The value was ${before} before it and ${start} after it.`,
      ])

    const replies = await Promise.all(Array.from({ length: data.changes }, (_, n) => change(n + 1)))
    const values = await readEverywhere(world, visitor)
    await world.logOut(visitor)
    return { did, ...judge(replies, start, values) }
  },
}

async function readEverywhere(world: World, visitor: Visitor): Promise<number[]> {
  const values: number[] = []
  for (let look = 0; look < 2 * Math.max(2, world.nodes.length); look++) {
    const value = await visitor.readData()
    if (value !== undefined) values.push(value)
  }
  return values
}

function judge(replies: readonly Reply[], start: number, values: readonly number[]): Omit<Finding, 'did'> {
  const acknowledged = replies.filter(({ status }) => status >= 200 && status < 400)
  const nodes = new Set(acknowledged.flatMap(({ node }) => node ?? []))
  const kept = Math.max(...values) - start
  const saw = [
    `Responses: ${tally(replies.map(({ status, failure }) => failure ?? String(status)))}, from ${many(nodes.size, 'named node')}.`,
    `Reads: ${tally(values.map((value) => `${value - start} of ${replies.length} changes`))}.`,
  ]
  if (values.length === 0) return { saw, verdict: 'NOT JUDGED', concluded: 'The data could not be read.' }
  const lost = acknowledged.length - kept
  if (lost > 0)
    return { saw, verdict: 'FAIL', concluded: `${lost} of ${acknowledged.length} acknowledged changes were lost.` }
  if (kept > replies.length)
    return { saw, verdict: 'FAIL', concluded: `${replies.length} changes counted as ${kept}: some were made twice.` }
  if (nodes.size < 2)
    return { saw, verdict: 'NOT JUDGED', concluded: 'Nothing was lost, but no second node acknowledged a change.' }
  return { saw, verdict: 'PASS', concluded: `All ${acknowledged.length} acknowledged changes stayed.` }
}
