/**
 * What a job does to the network of the machine, or needs of it. A container that starts changes the network, and Chromium
 * then ends all its requests (ERR_NETWORK_CHANGED). So jobs of different kinds do not run at the same time.
 */
export type Network = 'changes' | 'still'

/** The phases of a run, one after the other. */
export const PHASES = ['together', 'drills', 'pairs', 'alone'] as const
export type Phase = (typeof PHASES)[number]

export interface Job {
  name: string
  phase: Phase
  /** Its share of the machine. The shares of all jobs that run at the same time add up to 1 at most. */
  share: number
  network?: Network | undefined
}

/** Runs all jobs of a phase before those of the next one. */
export async function runAll<J extends Job>(jobs: readonly J[], run: (job: J) => Promise<void>): Promise<void> {
  for (const phase of PHASES)
    await runPhase(
      jobs.filter((job) => job.phase === phase),
      run,
    )
}

/**
 * Runs each job as soon as there is room for it. The order is that of the list, but a job that does not fit lets smaller ones
 * pass while one as large as itself runs.
 */
async function runPhase<J extends Job>(jobs: readonly J[], run: (job: J) => Promise<void>): Promise<void> {
  const waiting = [...jobs]
  const running = new Map<J, Promise<void>>()
  const fits = ({ share, network }: J) => {
    const others = [...running.keys()]
    const taken = others.reduce((sum, job) => sum + job.share, 0)
    const isDisturbed = network && others.some((job) => job.network && job.network !== network)
    // Shares like 0.3 have no exact sum.
    return running.size === 0 || (taken + share <= 1.001 && !isDisturbed)
  }
  const mayPass = (earlier: J) => [...running.keys()].some(({ share }) => share >= earlier.share)
  const mayStart = (job: J, place: number) => fits(job) && waiting.slice(0, place).every(mayPass)
  for (;;) {
    let next = waiting.findIndex(mayStart)
    while (next >= 0) {
      const [job] = waiting.splice(next, 1)
      if (job)
        running.set(
          job,
          run(job).finally(() => running.delete(job)),
        )
      next = waiting.findIndex(mayStart)
    }
    if (running.size === 0) return
    await Promise.race(running.values())
  }
}
