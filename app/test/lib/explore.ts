// Goes through every order of events of a small world: https://en.wikipedia.org/wiki/Model_checking
import { setImmediate } from 'node:timers/promises'

export interface World {
  /** What can happen next; empty at the end. */
  events(): string[]
  /** Lets it happen. What follows from it happens before the next event. */
  happen(event: string): void
  /** Two worlds of the same state have the same future. */
  state(): string
  /** What is wrong in this state, if anything is. */
  fault(): string | undefined
  /** What is wrong at the end, where nothing more can happen. */
  faultAtEnd(): Promise<string | undefined>
}

export interface Exploration {
  states: number
  ends: number
  /** The first fault, with the events that led there. */
  fault: string | undefined
}

/**
 * A world cannot be copied, so each is made anew and led down its path of events. Where two paths come to the same state, only
 * the first goes on. Stops at the first fault.
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

/** Until all that the event has set going waits for another one. */
async function follow(world: World, event: string): Promise<void> {
  world.happen(event)
  await setImmediate()
}
