import type { Session } from './answers.ts'

interface Situation {
  session: Session | undefined
  lastAnswer: { servedBy: string; isHonoured: boolean } | undefined
  isExperiment: boolean
}

/** What is to be seen on the map, in words. */
export function sentenceFor({ session, lastAnswer, isExperiment }: Situation): string {
  if (!session || !lastAnswer) {
    return isExperiment
      ? 'Each of these nodes keeps its sessions in its own memory. Log in, and see the others refuse you.'
      : 'Log in on one node, and see the others know you.'
  }
  const { servedBy, isHonoured } = lastAnswer
  if (!isHonoured)
    return `${servedBy} refused you: your session is in the memory of ${session.createdOn}, where it cannot look.`
  if (servedBy === session.createdOn) return `${servedBy} created your session, and answered this time.`
  return `${session.createdOn} created your session. ${servedBy} answered, and knows you all the same.`
}
