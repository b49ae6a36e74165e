import type { FeedEvent } from './answers.ts'

const SENTENCES: Record<string, (event: FeedEvent, session: string) => string> = {
  login: ({ node }, session) => `${session} was created on ${node}`,
  rotated: ({ node }, session) => `${session} got a new token on ${node}`,
  node_up: ({ node }) => `${node} is running`,
  node_draining: ({ node }) => `${node} is stopping: it finishes its requests and accepts no more`,
  node_gone: ({ node }) => `${node} has left`,
  redis_lost: ({ node }) => `${node} is disconnected from Redis`,
  redis_back: ({ node }) => `${node} is connected to Redis again`,
}

/** One event as a sentence. `session` is the name of its session: "This session". */
export function describeEvent(event: FeedEvent, session: string): string {
  if (event.how !== undefined) return `${session} ${event.how}`
  return SENTENCES[event.type]?.(event, session) ?? `${event.type} on ${event.node}`
}

/**
 * How an event ended the session of this page, as a sentence. Undefined if it did not, and for `replaced`: another window logs in
 * again, and this one shares its cookie. The server ends the stream, and names the session on the next one.
 */
export const endingOf = ({ type, sentence }: FeedEvent): string | undefined =>
  type === 'replaced' ? undefined : sentence
