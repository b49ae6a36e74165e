// Browsers, a thief and a logout, each a client of the real session store, on a Redis that runs one command at a time.
import type { World } from './explore.ts'
import { createClients } from './rotation-clients.ts'
import { createHappenings, hash, listEvents } from './rotation-events.ts'
import { createRotationJudge } from './rotation-judge.ts'
import { createRotationNodes } from './rotation-nodes.ts'
import { GRACE_MS, type Scenario, ttlSecondsOf } from './rotation-scenario.ts'
import { aUser } from './stores.ts'

export async function createRotationWorld(scenario: Scenario): Promise<World> {
  const nodes = createRotationNodes(scenario)
  const { redis } = nodes
  const { losses = 0, crashes = 0, times = 0, logouts = 0, remembers = false } = scenario
  const left = { losses, crashes, times }

  const { token } = await nodes.settle('login', (store) => store.setSession(aUser('ada')))
  const given = new Set([token])
  const loggedInMs = redis.now()
  redis.passTime(GRACE_MS)
  const { jar, clients } = createClients(scenario, token)
  const judge = createRotationJudge({
    ...{ now: redis.now, loggedInMs, graceMs: GRACE_MS, ttlMs: ttlSecondsOf(scenario) * 1000 },
    isLogoutSent: () => clients.some((one) => one.isLogout && one.left < logouts),
  })
  const happenings = createHappenings({ nodes, judge, left, onGiven: (next) => given.add(next), remembers })

  return {
    events: () => listEvents(clients, nodes, left),
    happen(event) {
      if (event === 'time passes') {
        left.times--
        redis.passTime(GRACE_MS)
        return
      }
      const [what = '', ...words] = event.split(' ')
      const one = clients.find(({ name }) => name === words.join(' '))
      if (one) happenings[what]?.(one)
    },
    state() {
      const seen = clients.map((one) => [one.name, one.cookie.token, one.left, one.seen, one.request])
      return hash(JSON.stringify([redis.dump(), seen, left, judge.state()]))
    },
    fault: judge.fault,
    async faultAtEnd() {
      // The grace period of the latest use has also passed.
      redis.passTime(GRACE_MS)
      const honoured: string[] = []
      for (const one of given) if (await nodes.settle('end', (store) => store.peekSession(one))) honoured.push(one)
      return judge.faultAtEnd(honoured, jar.token)
    },
  }
}
