import { element, withNames } from './dom.ts'
import type { EventList } from './event-list.ts'
import type { Lanes } from './lanes/panel.ts'
import type { LoginForm } from './login-form.ts'
import type { TravelMap } from './map.ts'
import type { RenderMatrix } from './matrix.ts'
import type { News } from './news.ts'
import type { Nodes } from './nodes.ts'
import { sentenceFor } from './sentence.ts'
import type { SessionCard } from './session-card.ts'
import type { Tally } from './tally.ts'
import type { Trouble } from './trouble.ts'
import type { Visit } from './visit.ts'

interface Parts {
  map: TravelMap
  lanes: Lanes
  renderMatrix: RenderMatrix
  nodes: Nodes
  visit: Visit
  trouble: Trouble
  tally: Tally
  news: News
  isExperiment: () => boolean
  loginForm: LoginForm
  card: SessionCard
  eventList: EventList
}

const NUMBERS = ['no', 'one', 'two', 'three', 'four', 'five']

/** Returns a function that shows the current state on all parts of the page. */
export function createView(parts: Parts): () => void {
  const { map, lanes, renderMatrix, nodes, visit, trouble, tally, news, loginForm, card, eventList } = parts

  function showSentence(): void {
    const [isExperiment, hasRedis, session] = [parts.isExperiment(), trouble.hasRedis(), visit.session]
    const { text, tone } = sentenceFor({
      ...{ identity: visit.identity(), session, isExperiment, hasRedis, news: news() },
      ...{ nodes: nodes.all(session?.createdOn), honouredBy: tally.honouredBy, rejectedBy: tally.rejectedBy() },
    })
    const sentence = element('sentence')
    // An unchanged sentence must not be read aloud again.
    if (sentence.textContent !== text) sentence.replaceChildren(...withNames(text))
    sentence.className = `sentence ${tone}`
  }

  return () => {
    const { user, session } = visit
    const [isExperiment, names, origin] = [parts.isExperiment(), nodes.names(), session?.createdOn]
    const [shown, identity, hasRedis] = [nodes.all(origin), visit.identity(), trouble.hasRedis()]
    const rejectedBy = tally.rejectedBy()
    map.show({ nodes: shown, user: user?.username, identity, origin, rejectedBy, isExperiment, hasRedis })
    lanes.show(shown)
    renderMatrix(names, origin)
    if (nodes.isListed()) element('node-count').textContent = NUMBERS[names.length] ?? String(names.length)
    showSentence()
    loginForm.setVisible(identity === 'anonymous')
    element('unchecked').hidden = identity !== 'unchecked' || hasRedis
    for (const id of ['ask', 'prove', 'prove-all', 'logout']) element(id).hidden = session === undefined
    element('my-sessions').hidden = session === undefined || isExperiment
    element('experiment').setAttribute('aria-checked', String(isExperiment))
    element('why').hidden = !isExperiment
    eventList.setOwn(session?.id)
    if (user && session) card.show(user, session)
    else card.hide()
  }
}
