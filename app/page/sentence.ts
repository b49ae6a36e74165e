import type { Session } from './answers.ts'
import type { MapNode } from './nodes.ts'
import type { Identity } from './visit.ts'

export interface Situation {
  identity: Identity
  session: Session | undefined
  isExperiment: boolean
  hasRedis: boolean
  nodes: readonly MapNode[]
  /** The nodes that have honoured this session since a moment, or at any time. */
  honouredBy: (since?: number) => readonly string[]
  rejectedBy: readonly string[]
  news: string | undefined
}

export interface Sentence {
  text: string
  tone: 'calm' | 'good' | 'bad'
}

/** The most telling thing that the page has seen lately. */
export function sentenceFor(situation: Situation): Sentence {
  const { isExperiment, hasRedis, session, news } = situation
  if (isExperiment) return ofExperiment(situation)
  if (!hasRedis) return { text: withoutRedis(situation), tone: 'bad' }
  if (!session) return { text: news ?? beforeLogin(situation), tone: 'calm' }
  const creator = situation.nodes.find(({ name }) => name === session.createdOn)
  if (creator?.state === 'gone') return afterCreator(situation, session.createdOn, creator.goneAt)
  return news === undefined ? ofSession(situation, session) : { text: news, tone: 'calm' }
}

function withoutRedis({ identity, session }: Situation): string {
  if (session) return 'No node can read your session now, and no node logs you out.'
  if (identity === 'unchecked') {
    return 'This browser has a session cookie, and no node can check it now. You are not logged out.'
  }
  return 'No node can create or read a session now.'
}

function beforeLogin({ nodes, identity }: Situation): string {
  if (identity === 'unchecked') return 'Looking for your session…'
  const served = nodes.filter(isRunning).length
  return served === 0
    ? 'Waiting for a node.'
    : 'No node knows you yet. Log in on one of them, and all of them know you.'
}

/** The node that created the session has left, and that is the point of the whole page. */
function afterCreator({ honouredBy, nodes }: Situation, creator: string, goneAt: number | undefined): Sentence {
  const since = honouredBy(goneAt).filter((node) => nodes.some(({ name, state }) => name === node && state !== 'gone'))
  if (since.length === 0) return { text: `${creator} created your session, and is gone. Send a request.`, tone: 'calm' }
  return { text: `${creator} created your session, and is gone. ${list(since)} still ${verb(since)} it.`, tone: 'good' }
}

function ofSession({ nodes, honouredBy }: Situation, { createdOn }: Session): Sentence {
  const running = nodes.filter(isRunning).map(({ name }) => name)
  const honoured = honouredBy().filter((node) => running.includes(node))
  const created = `${createdOn} created your session.`
  if (honoured.length === 0) return { text: `${created} Send a request: any node can serve it.`, tone: 'calm' }
  if (honoured.length < running.length) {
    const others = honoured.filter((node) => node !== createdOn)
    const named = list(others.length === 0 ? honoured : others)
    return {
      text: `${created} ${named} honoured it: ${honoured.length} of ${running.length} nodes so far.`,
      tone: 'good',
    }
  }
  return { text: `${created} All ${running.length} nodes honour it.`, tone: 'good' }
}

function ofExperiment({ session, nodes, honouredBy, rejectedBy }: Situation): Sentence {
  if (!session) {
    return {
      text: 'Each node now keeps sessions in its own memory. Log in, and see what the others say.',
      tone: 'calm',
    }
  }
  const { createdOn } = session
  const refusing = rejectedBy.length
  const only = `Only ${createdOn} has your session, in its own memory.`
  if (refusing > 0) {
    const ofAll = `${refusing} of ${nodes.filter(isRunning).length} ${refusing === 1 ? 'refuses' : 'refuse'} you`
    return { text: `${ofAll}: ${list(rejectedBy)}. ${only}`, tone: 'bad' }
  }
  const asked = honouredBy().length > 0 ? ' No other node has been asked yet.' : ''
  return { text: `${only}${asked}`, tone: 'calm' }
}

const isRunning = ({ state }: MapNode) => state === 'up' || state === 'suspect'

const verb = ({ length }: readonly string[]) => (length === 1 ? 'honours' : 'honour')

/** "app-1", "app-1 and app-3", "app-1, app-2 and app-3" */
const list = (names: readonly string[]) =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
