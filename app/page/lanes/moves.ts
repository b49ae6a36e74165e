import type { Picture } from './canvas.ts'
import type { Mark } from './record.ts'

type Place = Pick<Picture, 'marks' | 'lanes' | 'chosen'>

const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }

/** The mark that a key leads to. Undefined if the key is not one of the lanes. */
export function markAfter(key: string, { marks, lanes, chosen }: Place): Mark | undefined {
  if (key === 'End') return marks.at(-1)
  if (key === 'Home') return marks[0]
  if (key === 'ArrowUp' || key === 'ArrowDown') {
    return chosen ? markInLane({ marks, lanes, chosen }, key === 'ArrowUp' ? -1 : 1) : marks.at(-1)
  }
  const step = STEPS[key]
  if (step === undefined) return undefined
  const place = chosen ? marks.indexOf(chosen) : -1
  if (place === -1) return step < 0 ? marks.at(-1) : marks[0]
  return marks[Math.min(marks.length - 1, Math.max(0, place + step))]
}

/** The mark nearest in time on the next lane that has one. */
function markInLane({ marks, lanes, chosen }: Place & { chosen: Mark }, step: number): Mark {
  for (let place = lanes.indexOf(chosen.lane) + step; lanes[place] !== undefined; place += step) {
    const nearest = nearestIn(
      marks.filter(({ lane }) => lane === lanes[place]),
      (mark) => Math.abs(mark.at - chosen.at),
    )
    if (nearest) return nearest
  }
  return chosen
}

export function nearestIn(marks: readonly Mark[], distance: (mark: Mark) => number): Mark | undefined {
  let [nearest, least]: [Mark | undefined, number] = [undefined, Number.POSITIVE_INFINITY]
  for (const mark of marks) {
    const far = distance(mark)
    // Of marks at the same place, the last one lies on top.
    if (far <= least) [nearest, least] = [mark, far]
  }
  return nearest
}
