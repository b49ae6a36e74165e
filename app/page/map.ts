import { element } from './dom.ts'
import { type BoxView, createNodeBoxes } from './node-boxes.ts'
import { drawRoutes, pathThrough, type Route } from './routes.ts'
import { type Outcome, travelAlong } from './travel.ts'
import type { Identity } from './visit.ts'

export interface MapView extends BoxView {
  user: string | undefined
  identity: Identity
  hasRedis: boolean
}

export interface TravelMap {
  show(view: MapView): void
  /** Shows a request on its way to the node that served it, and the answer on its way back. */
  travel(servedBy: string, outcome: Outcome): void
  /** Sets the number of requests that each node has served to 0. */
  resetCounters(): void
}

/** Browser → balancer → nodes → Redis, and every request of this page. */
export function createMap(): TravelMap {
  const [frame, you, balancer, redis] = [
    element('map'),
    element('map-you'),
    element('map-balancer'),
    element('map-redis'),
  ]
  const { boxes, show: showBoxes, mark, resetCounters } = createNodeBoxes()
  const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)')
  let view: MapView = {
    ...{ nodes: [], user: undefined, identity: 'unchecked', origin: undefined },
    ...{ rejectedBy: [], isExperiment: false, hasRedis: true },
  }
  let drawn = ''

  function show(next: MapView): void {
    view = next
    element('map-user').textContent = view.user ?? UNNAMED[view.identity]
    const state = redisState(view)
    redis.className = `stop ${state}`
    element('map-redis-state').textContent = {
      ok: view.origin === undefined ? 'no session' : 'stores your session',
      away: 'not responding',
      unused: 'not used',
    }[state]
    showBoxes(view)
    // Measuring the boxes costs time, and most answers move none of them.
    const shape = JSON.stringify([view.nodes, view.rejectedBy, view.origin, state])
    if (shape !== drawn) drawAll()
    drawn = shape
  }

  function drawAll(): void {
    const routes: Route[] = [{ from: you, to: balancer, kind: '' }]
    for (const [name, box] of boxes) {
      const kind = view.nodes.find((node) => node.name === name)?.state === 'up' ? '' : 'broken'
      routes.push({ from: balancer, to: box, kind: view.rejectedBy.includes(name) ? 'rejecting' : kind })
      routes.push({ from: box, to: redis, kind: redisState(view) === 'ok' ? kind : 'broken' })
    }
    drawRoutes(frame, element('routes'), routes)
  }

  function travel(servedBy: string, outcome: Outcome): void {
    const box = boxes.get(servedBy)
    if (!box) return
    mark(box, servedBy, outcome)
    if (reducedMotion.matches || document.hidden) return
    const stops = [you, balancer, box, ...(view.isExperiment || outcome === 'plain' ? [] : [redis])]
    travelAlong(frame, pathThrough(frame, stops), outcome)
  }

  new ResizeObserver(drawAll).observe(frame)
  return { show, travel, resetCounters }
}

const UNNAMED: Record<Identity, string> = { unchecked: 'not checked yet', anonymous: 'not logged in', known: '' }

function redisState({ isExperiment, hasRedis }: MapView): 'ok' | 'away' | 'unused' {
  if (isExperiment) return 'unused'
  return hasRedis ? 'ok' : 'away'
}
