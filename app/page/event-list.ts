import type { FeedEvent } from './answers.ts'
import { clockTime, create, element } from './dom.ts'

export interface EventList {
  add(event: FeedEvent): void
  /** Which session is this page's own, so that the list can call it that. */
  setOwn(sessionId: string | undefined): void
  /** Says that something is not in the list. */
  addGap(): void
  clear(): void
  showState(state: 'live' | 'behind' | 'lost', text: string): void
}

const SHOWN = 40

/** What happened, newest first, and whether it is all there. */
export function createEventList(): EventList {
  const list = element('events')
  // It scrolls, so one must be able to get there by keyboard.
  element('events-scroll').tabIndex = 0
  const sentences = new Map<HTMLElement, FeedEvent>()
  let own: string | undefined

  function put(item: HTMLElement): void {
    list.prepend(item)
    while (list.children.length > SHOWN) list.lastElementChild?.remove()
    for (const sentence of sentences.keys()) if (!list.contains(sentence)) sentences.delete(sentence)
  }

  return {
    add(event) {
      const time = create('time', '', clockTime(event.at))
      time.setAttribute('datetime', event.at)
      const kind = event.user === undefined ? 'of-node' : 'of-session'
      const sentence = create('span', '', describe(event, own))
      sentences.set(sentence, event)
      put(create('li', `${kind} ${event.type}`, time, sentence))
    },
    // A login is told here before it is answered, and by then it was not yet known whose session that is.
    setOwn(sessionId) {
      if (sessionId === own) return
      own = sessionId
      for (const [sentence, event] of sentences) sentence.textContent = describe(event, own)
    },
    addGap() {
      put(create('li', 'gap', create('span', '', 'Some events are missing here: the server no longer has them.')))
    },
    clear: () => list.replaceChildren(),
    showState(state, text) {
      element('feed-state').className = `feed-state ${state}`
      element('feed-state').textContent = text
    },
  }
}

function describe({ type, node, by, sessionId }: FeedEvent, own: string | undefined): string {
  const which = sessionId === own ? 'This session' : 'Another session'
  switch (type) {
    case 'login':
      return `${which} was started on ${node}`
    case 'logout':
      return `${which} was logged out on ${node}`
    case 'rotated':
      return `${which} got a new token from ${node}`
    case 'replaced':
      return `${which} made way for a new login in its browser, on ${node}`
    case 'revoked':
      return by ? `${which} was ended by an ${by}` : `${which} was ended from a list of sessions, on ${node}`
    case 'made_room':
      return `${which} was the oldest and made room for a login on ${node}`
    case 'token_reused':
      return `${which} was ended on ${node}: a replaced token was used again`
    case 'node_up':
      return `${node} is up`
    case 'node_draining':
      return `${node} is draining: it finishes what it has and takes no more`
    case 'node_gone':
      return `${node} is gone`
    case 'redis_lost':
      return `${node} has lost Redis`
    case 'redis_back':
      return `${node} has Redis back`
    default:
      return `${type} on ${node}`
  }
}
