// The page: log in, watch the requests, see what happens to the session. This file connects its parts. What the page sees goes
// through `pageEvents`, so a new part subscribes there and needs no other part.

import { createAccount } from './account.ts'
import { connectActions } from './actions.ts'
import { startAnonymousRound } from './anonymous-round.ts'
import type { Answer, ListedNode } from './answers.ts'
import { createAsk } from './ask.ts'
import { createBasket } from './basket.ts'
import { createConnection } from './connection.ts'
import { element, whileBusy } from './dom.ts'
import { createEventList } from './event-list.ts'
import { createExperiment } from './experiment.ts'
import { createLanes } from './lanes/panel.ts'
import { createPageOfLessons } from './lessons/on-page.ts'
import { createLessons } from './lessons/panel.ts'
import { createLiveEvents } from './live-events.ts'
import { createLoginForm, demoPassword } from './login-form.ts'
import { createMap } from './map.ts'
import { createMatrix } from './matrix.ts'
import { createMySessions } from './my-sessions.ts'
import { createNews } from './news.ts'
import { createNodes } from './nodes.ts'
import { createNotice, type Notice } from './notice.ts'
import { createOwnSessions } from './own-sessions.ts'
import { createPageEvents } from './page-events.ts'
import { createProof } from './proof.ts'
import { createSessionCard } from './session-card.ts'
import type { Matrix } from './shared/matrix.ts'
import { createShowAnswer } from './show-answer.ts'
import { createTally } from './tally.ts'
import { createTrouble } from './trouble.ts'
import { createView } from './view.ts'
import { createVisit } from './visit.ts'

const pageEvents = createPageEvents()
const notice = createNotice('notice')
const count: Matrix = []
const map = createMap()
const renderMatrix = createMatrix(count)
const connection = createConnection()
const { now } = connection
const onChange = () => render()
const isExperiment = () => experiment.isOn()
const present = () => visit.session?.id
const { add: addOwnSession, isEarlier, nameOf: nameSession } = createOwnSessions(present)
const eventList = createEventList(nameSession)
const nodes = createNodes({ onChange })
const ask = createAsk({
  base: () => experiment.base(),
  onAnswer: createShowAnswer({ map, nodes, pageEvents }),
  onCookieCleared: () =>
    notice.show('Another application on this host had set a cookie of the same name. The server removed it.'),
})
const experiment = createExperiment({
  ...{ ask, beside: createNotice('experiment-note'), onSwitched: startAgain, onFailed: onChange },
})
const trouble = createTrouble({
  ...{ notice, pageEvents, isLoggedIn: () => visit.session !== undefined, recheck: refreshNodes, onChange },
  // The Redis that is back may be another one, without sessions.
  onRedisBack: refreshSessions,
})
const visit = createVisit({ notice, trouble, pageEvents, now, onChange, onForgotten: () => liveEvents.connect() })
const tally = createTally(pageEvents)
const news = createNews({ pageEvents, present, isEarlier, honouredBy: tally.honouredBy, onChange })
const lanes = createLanes({ pageEvents, nameSession, now, isExperiment })
const account = createAccount({
  ...{ ask, visit, count, notice, trouble, pageEvents, now, isExperiment, onChange },
  onOtherUser: () => liveEvents.connect(),
  onThrottled: (username, seconds) => loginForm.disable(username, seconds),
})
const { whoAmI, logIn } = account
const loginForm = createLoginForm(async (credentials, beside) => {
  if (!(await logIn(credentials, beside))) return
  element('ask').focus()
  void whileBusy(element('prove'), () => proof.fillRow(2))
})
const card = createSessionCard({ now, onExpired: refreshSessions })
const besideSessions = createNotice('my-sessions-note')
const mySessions = createMySessions({
  ...{ ask, isEarlier, beside: besideSessions, logInAgain: (password) => logInAgain(password, besideSessions) },
  onCurrent(session) {
    if (visit.session?.id !== session.id) return
    visit.session = session
    render()
  },
  onEnded: (sentence) => visit.session && visit.end(sentence),
})
const proof = createProof({
  ...{ count, nodes: nodes.names, createdOn: () => visit.session?.createdOn, whoAmI },
  logInAgain() {
    const password = demoPassword(visit.user?.username ?? '')
    if (password === undefined) notice.show('This page does not store your password. Log out, then log in again.')
    return logInAgain(password, notice)
  },
})
createBasket({ ask, pageEvents })
startAnonymousRound({
  ...{ ask, pageEvents },
  isWanted: () => visit.identity() === 'anonymous' && visit.change === undefined && trouble.hasRedis(),
})
const liveEvents = createLiveEvents({
  ...{ base: experiment.base, isExperiment, pageEvents, visit, nodes, notice, trouble, connection },
  ...{ eventList, mySessions, whoAmI, refreshNodes, refreshSessions },
})
const render = createView({
  ...{ map, lanes, renderMatrix, nodes, visit, trouble, tally, news, isExperiment, loginForm, card, eventList },
})

async function logInAgain(password: string | undefined, beside: Notice): Promise<boolean> {
  if (visit.user === undefined || password === undefined) return false
  const isLoggedIn = await logIn({ username: visit.user.username, password }, beside)
  if (isLoggedIn) refreshSessions()
  return isLoggedIn
}

/** In the experiment there is no common list: each node has its own. */
function refreshSessions(): void {
  if (visit.session && !isExperiment()) void mySessions.refresh()
}

async function refreshNodes(): Promise<Answer> {
  const answer = await ask('GET', '/api/cluster')
  if (answer.status === 200 && answer.body.nodes) nodes.replace(answer.body.nodes)
  else trouble.report(answer)
  return answer
}

/** The user flipped the switch of the experiment, so all that is on the page belongs to the other nodes. */
function startAgain(listed: readonly ListedNode[]): void {
  count.length = 0
  map.resetCounters()
  nodes.clear()
  trouble.reset()
  pageEvents.publish({ kind: 'switched' })
  visit.forget('unchecked')
  nodes.replace(listed)
}

pageEvents.subscribe((seen) => {
  if (seen.kind === 'session' && seen.session) addOwnSession(seen.session.id)
})
connectActions({ account, proof, visit })
createLessons(pageEvents, createPageOfLessons({ visit, nodes, connection, experiment, whoAmI, logIn }))

document.documentElement.classList.remove('no-script')
render()
liveEvents.connect()
