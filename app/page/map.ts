import { create, element } from './dom.ts'
import { drawRoutes, pathThrough, type Route } from './routes.ts'

export interface MapNode {
  name: string
  /** `suspect`: its heartbeat is late. */
  state: 'up' | 'suspect' | 'draining' | 'gone'
}

export interface MapView {
  nodes: readonly MapNode[]
  user: string | undefined
  /** The node that created the session. */
  origin: string | undefined
  redis: 'ok' | 'away' | 'unused'
}

export interface TravelMap {
  show(view: MapView): void
  /** Lets a request travel to the node that served it, and the answer back. */
  travel(servedBy: string, outcome: 'ok' | 'refused' | 'failed', isAskingRedis: boolean): void
  /** Counts anew how many requests of this page each node has served. */
  resetCounters(): void
}

const TRAVEL_MS = 420

/** Browser → balancer → nodes → Redis, with every request of this page on its way. */
export function createMap(): TravelMap {
  const frame = element('map')
  const list = element('nodes')
  const counters = new Map<string, number>()
  const boxes = new Map<string, HTMLElement>()
  const isStill = matchMedia('(prefers-reduced-motion: reduce)')
  let view: MapView = { nodes: [], user: undefined, origin: undefined, redis: 'ok' }

  function show(next: MapView): void {
    view = next
    element('map-user').textContent = view.user ?? 'not logged in'
    const redis = element('map-redis')
    redis.className = `stop ${view.redis}`
    element('map-redis-state').textContent = {
      ok: view.origin === undefined ? 'no session' : 'keeps the session',
      away: 'does not answer',
      unused: 'is not asked',
    }[view.redis]
    const names = new Set(view.nodes.map(({ name }) => name))
    for (const [name, box] of boxes) {
      if (names.has(name)) continue
      box.remove()
      boxes.delete(name)
    }
    for (const node of view.nodes) renderNode(node)
    drawAll()
  }

  /** The boxes stay and change, so that a pulse is not cut short by the next answer. */
  function renderNode(node: MapNode): void {
    const box = boxes.get(node.name) ?? create('li', 'node')
    box.dataset.node = node.name
    boxes.set(node.name, box)
    const isOrigin = node.name === view.origin
    box.classList.toggle('origin', isOrigin)
    for (const state of ['suspect', 'draining', 'gone']) box.classList.toggle(state, node.state === state)
    const count = counters.get(node.name) ?? 0
    const memory = view.redis === 'unused' ? (isOrigin ? 'your session is in here' : 'knows nobody') : undefined
    const up = isOrigin ? 'created your session' : ''
    const state = { up, suspect: 'heartbeat is late', draining: 'draining', gone: 'gone' }[node.state]
    box.replaceChildren(
      create('strong', '', node.name),
      create('span', 'served', `${count} served`),
      create('small', '', node.state === 'up' ? (memory ?? state) : state),
    )
    // In the order of the names, wherever the node came from.
    const place = view.nodes.indexOf(node)
    if (list.children[place] !== box) list.insertBefore(box, list.children[place] ?? null)
  }

  function drawAll(): void {
    const you = element('map-you')
    const balancer = element('map-balancer')
    const routes: Route[] = [{ from: you, to: balancer, kind: '' }]
    for (const [name, box] of boxes) {
      const kind = view.nodes.find((node) => node.name === name)?.state === 'up' ? '' : 'broken'
      routes.push({ from: balancer, to: box, kind })
      routes.push({ from: box, to: element('map-redis'), kind: view.redis === 'ok' ? kind : 'broken' })
    }
    drawRoutes(frame, element('routes'), routes)
  }

  function travel(servedBy: string, outcome: 'ok' | 'refused' | 'failed', isAskingRedis: boolean): void {
    const box = boxes.get(servedBy)
    if (!box) return
    counters.set(servedBy, (counters.get(servedBy) ?? 0) + 1)
    const served = box.querySelector('.served')
    if (served) served.textContent = `${counters.get(servedBy)} served`
    for (const other of boxes.values()) other.classList.remove('answered', 'refused', 'failed')
    box.classList.add('answered')
    if (outcome !== 'ok') box.classList.add(outcome)
    if (isStill.matches) return
    const stops = [element('map-you'), element('map-balancer'), box, ...(isAskingRedis ? [element('map-redis')] : [])]
    const path = pathThrough(frame, stops)
    const dot = create('span', 'dot')
    dot.setAttribute('aria-hidden', 'true')
    dot.style.offsetPath = `path('${path}')`
    frame.append(dot)
    const there = { offsetDistance: '100%' }
    const here = { offsetDistance: '0%' }
    const timing = { duration: TRAVEL_MS, easing: 'ease-in-out', fill: 'forwards' } as const
    dot
      .animate([here, there], timing)
      .finished.then(() => {
        dot.classList.add(outcome)
        return dot.animate([there, here], timing).finished
      })
      .finally(() => dot.remove())
  }

  new ResizeObserver(drawAll).observe(frame)
  return { show, travel, resetCounters: () => counters.clear() }
}
