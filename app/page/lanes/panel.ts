import { create, element, nodeName } from '../dom.ts'
import type { MapNode } from '../nodes.ts'
import type { PageEvents } from '../page-events.ts'
import { createLaneCanvas, type Picture } from './canvas.ts'
import { createLaneCursor } from './cursor.ts'
import { showLegend } from './legend.ts'
import { createMarks } from './marks.ts'
import { createLaneRecord, type Glimpse, REDIS, SHOWN_MS } from './record.ts'
import { createLaneTable } from './table.ts'

export interface Lanes {
  /** The nodes to show, besides those that have marks. */
  show(nodes: readonly MapNode[]): void
}

interface Parts {
  pageEvents: PageEvents
  nameSession: (sessionId: string | undefined) => string
  /** Time of the Redis server, in milliseconds since 1970. */
  now: () => number
  isExperiment: () => boolean
}

/** The panel below the map: what happened on each node and in Redis in the last minute. */
export function createLanes({ pageEvents, nameSession, now, isExperiment }: Parts): Lanes {
  const record = createLaneRecord()
  const plot = element('lanes-plot')
  const laneHeight = () => Number.parseFloat(getComputedStyle(plot).getPropertyValue('--lane'))
  let heightPx = laneHeight()
  let nodes: readonly MapNode[] = []
  let paused: (Glimpse & { now: number }) | undefined
  const canvas = createLaneCanvas(findCanvas(), () => heightPx)
  const table = createLaneTable(() => table.fill(paused ?? record))
  const cursor = createLaneCursor({ canvas, laneHeight: () => heightPx, picture, onMoved: draw })

  function picture(): Omit<Picture, 'chosen'> {
    return { marks: record.marks, turns: record.turns, now: performance.now(), ...paused, lanes: laneNames() }
  }

  const laneNames = () => [...nodes.map(({ name }) => name), REDIS]

  function draw(): void {
    const shown = picture()
    canvas.draw({ ...shown, chosen: cursor.choose(shown) })
  }

  const add = createMarks({ record, nameSession, now, isExperiment })
  pageEvents.subscribe(add)
  runWhileVisible(plot, {
    draw: () => paused === undefined && draw(),
    /** A pixel at a time is smooth, and more often is of no use. */
    everyMs: () => SHOWN_MS / Math.max(1, 2 * canvas.resolution()),
  })
  setInterval(() => {
    record.prune(performance.now())
    if (paused) return
    table.fill(record)
    // Also with reduced motion, and while the lanes are not on the screen: they can be printed.
    draw()
  }, 1_000)
  new ResizeObserver(() => {
    heightPx = laneHeight()
    draw()
  }).observe(plot)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    canvas.restyle()
    draw()
  })
  onPause((isPaused) => {
    paused = isPaused ? { ...record.copy(), now: performance.now() } : undefined
    draw()
    table.fill(paused ?? record)
  })
  showLegend()

  return {
    show(next) {
      nodes = next
      element('lane-names').replaceChildren(...laneItems(nodes, isExperiment()))
      draw()
    },
  }
}

function laneItems(nodes: readonly MapNode[], isExperiment: boolean): HTMLElement[] {
  const items = nodes.map(({ name, state }) => create('li', state, nodeName(name), laneState(state)))
  return [...items, create('li', '', create('span', '', REDIS), isExperiment ? create('small', 'dim', 'not used') : '')]
}

const laneState = (state: MapNode['state']) => (state === 'gone' ? create('small', '', 'gone') : '')

function findCanvas(): HTMLCanvasElement {
  const found = element('lanes-canvas')
  if (!(found instanceof HTMLCanvasElement)) throw new Error('#lanes-canvas is not a canvas')
  return found
}

function onPause(pause: (isPaused: boolean) => void): void {
  const toggle = element('lanes-pause')
  toggle.addEventListener('click', () => {
    const isPaused = toggle.getAttribute('aria-pressed') !== 'true'
    toggle.setAttribute('aria-pressed', String(isPaused))
    pause(isPaused)
  })
}

/** Calls `draw` at most once a frame, while the element is on the screen. Never with reduced motion. */
function runWhileVisible(shown: HTMLElement, { draw, everyMs }: { draw: () => void; everyMs: () => number }): void {
  const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)')
  let isVisible = false
  let drawnAt = 0
  let isWaiting = false

  function next(now: number): void {
    isWaiting = isVisible
    if (!isVisible) return
    requestAnimationFrame(next)
    if (reducedMotion.matches || now - drawnAt < everyMs()) return
    drawnAt = now
    draw()
  }

  new IntersectionObserver((entries) => {
    isVisible = entries.some(({ isIntersecting }) => isIntersecting)
    if (isVisible && !isWaiting) next(performance.now())
  }).observe(shown)
}
