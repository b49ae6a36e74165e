import { type Found, type Noise, spreadOf } from './found.ts'

/** Figures of a machine that changes by more than this, in percent, are not judged. */
export const MOST_NOISE_PERCENT = 10

/** Compares the yardstick at the beginning and at the end of a run. */
export function measureNoise({ before, after }: Found['yardstick']): Noise {
  const median = (all: typeof before) =>
    spreadOf(all.map(({ cpuMicros: { app, redis, nginx } }) => app + redis + nginx)).median
  const beforeMicros = median(before)
  const afterMicros = median(after)
  const apartPercent = 100 * (Math.max(beforeMicros, afterMicros) / Math.min(beforeMicros, afterMicros) - 1)
  return { beforeMicros, afterMicros, apartPercent, isQuiet: apartPercent <= MOST_NOISE_PERCENT }
}
