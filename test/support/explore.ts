// Explores every order of events of a small model: https://en.wikipedia.org/wiki/Model_checking
import { setImmediate } from 'node:timers/promises'

export interface World {
  /** The possible next events. Empty at the end. */
  events(): string[]
  /** Runs an event. Its consequences run before the next event. */
  happen(event: string): void
  /** Worlds with the same state have the same future. */
  state(): string
  /** The fault of this state, if it has one. */
  fault(): string | undefined
  /** The fault at the end, when no event is possible. */
  faultAtEnd(): Promise<string | undefined>
}

export interface Exploration {
  states: number
  ends: number
  /** The first fault, with the events that led to it. */
  fault: string | undefined
}

/**
 * A world cannot be copied, so each is recreated and replays its path of events. If two paths reach the same state, only the
 * first continues. Stops at the first fault.
 */
export async function explore(makeWorld: () => Promise<World>): Promise<Exploration> {
  const known = new Set<string>()
  const paths: string[][] = [[]]
  let ends = 0
  for (let path = paths.pop(); path; path = paths.pop()) {
    const world = await makeWorld()
    const result = (fault: string) => ({ states: known.size, ends, fault: `${fault}, after: ${path.join(', ')}` })
    for (const event of path) await follow(world, event)
    for (;;) {
      const fault = world.fault()
      if (fault !== undefined) return result(fault)
      const state = world.state()
      if (known.has(state)) break
      known.add(state)
      const [first, ...others] = world.events()
      if (first === undefined) {
        ends++
        const faultAtEnd = await world.faultAtEnd()
        if (faultAtEnd !== undefined) return result(faultAtEnd)
        break
      }
      for (const other of others) paths.push([...path, other])
      path.push(first)
      await follow(world, first)
    }
  }
  return { states: known.size, ends, fault: undefined }
}

/** Waits until everything that the event started waits for another event. */
async function follow(world: World, event: string): Promise<void> {
  world.happen(event)
  await setImmediate()
}
