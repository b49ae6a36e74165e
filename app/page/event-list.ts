import type { FeedEvent } from './answers.ts'
import { clockTime, create, element, withNames } from './dom.ts'
import { describeEvent } from './event-text.ts'

export interface EventList {
  add(event: FeedEvent): void
  /** Sets the session of this page. The list names the sessions of all events again. */
  setOwn(sessionId: string | undefined): void
  /** Shows that events are missing. */
  addGap(): void
  clear(): void
}

const SHOWN = 40

/** Live events, newest first. `nameSession`: "This session", or how else the page calls it. */
export function createEventList(nameSession: (sessionId: string | undefined) => string): EventList {
  const list = element('events')
  // It scrolls, so the keyboard must reach it.
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
      const sentence = create('span', '', ...withNames(describeEvent(event, nameSession(event.sessionId))))
      sentences.set(sentence, event)
      put(create('li', `${kind} ${event.type}`, time, sentence))
    },
    // The event of a login arrives before the answer that names its session.
    setOwn(sessionId) {
      if (sessionId === own) return
      own = sessionId
      for (const [sentence, event] of sentences) {
        sentence.replaceChildren(...withNames(describeEvent(event, nameSession(event.sessionId))))
      }
    },
    addGap() {
      put(create('li', 'gap', create('span', '', 'Some events are missing: the server no longer has them.')))
    },
    clear: () => list.replaceChildren(),
  }
}
