// The page: log in, see the session travel, see what happens to it. Compiled by tsc to dist/page and served as that.

import type { Answer, FeedEvent } from './answers.ts'
import { createAsk, explain } from './ask.ts'
import { element, onClick, whileBusy } from './dom.ts'
import { createEventList } from './event-list.ts'
import { type Feed, type FeedState, type Hello, openFeed } from './feed.ts'
import { createLoginForm, demoPassword } from './login.ts'
import { createMap } from './map.ts'
import { createMatrix } from './matrix.ts'
import { createMySessions } from './my-sessions.ts'
import { createNodes } from './nodes.ts'
import { createNotice } from './notice.ts'
import { createProof } from './proof.ts'
import { sentenceFor } from './sentence.ts'
import { createSessionCard } from './session-card.ts'
import { createVisit } from './visit.ts'

const CONTROL = '/control'
const ENDINGS: Record<string, string> = {
  logout: 'You logged out in another window.',
  revoked: 'Your session was ended from another one of yours.',
  made_room: 'Your session was the oldest, and made room for one login too many.',
  token_reused:
    'Your session was ended for your safety: a token that had already been replaced was used again. Somebody may have copied it. Log in again, and tell an administrator if this was not you.',
}

/** The map shows these. They are not events: nothing has happened yet. */
const HINTS: ReadonlySet<string> = new Set(['node_suspect', 'node_heard'])

/** What stands before every path: nothing, or where the nodes are that keep their sessions to themselves. */
let base = ''
const isExperiment = () => base === CONTROL
let feed: Feed | undefined
let feedNode = ''
/** Redis's time less the browser's, in milliseconds. */
let aheadMs = 0

const now = () => Date.now() + aheadMs

const map = createMap()
const matrix = createMatrix()
const notice = createNotice()
const eventList = createEventList()
const nodes = createNodes({ onChange: render })
const ask = createAsk({
  base: () => base,
  onAnswer: showTravel,
  onCookieCleared: () =>
    notice.show('Another application on this host had set a cookie of the same name. It was removed.'),
})
const visit = createVisit({
  ask,
  matrix,
  notice,
  now,
  isExperiment,
  onChange: render,
  onIdentity: listenAnew,
  refreshNodes,
  // It may be another Redis that came back, which has no sessions.
  onRedisBack: lookAtSessions,
  onThrottled: (username, isThrottled) => loginForm.setPossible(username, !isThrottled),
})
const loginForm = createLoginForm(async (credentials) => {
  if (!(await visit.logIn(credentials))) return
  element('ask').focus()
  void whileBusy(element('prove'), () => proof.fillRow(2))
})
const card = createSessionCard({ now, onOver: lookAtSessions })
async function logInAgain(password: string | undefined): Promise<boolean> {
  if (visit.user === undefined || password === undefined) return false
  const isDone = await visit.logIn({ username: visit.user.username, password })
  if (isDone) lookAtSessions()
  return isDone
}
const mySessions = createMySessions({
  ask,
  logInAgain,
  onCurrent(session) {
    if (visit.session?.id !== session.id) return
    visit.session = session
    render()
  },
  onEnded: (sentence) => visit.session && visit.end(sentence),
  onProblem: (text) => notice.show(text),
})
const proof = createProof({
  matrix,
  nodes: nodes.names,
  createdOn: () => visit.session?.createdOn,
  whoAmI: visit.whoAmI,
  async logInAgain() {
    const password = demoPassword(visit.user?.username ?? '')
    if (password === undefined) notice.show('The page does not keep your password: log out and in again yourself.')
    return logInAgain(password)
  },
})

function showTravel({ status, servedBy }: Answer): void {
  const isNode = servedBy !== '' && servedBy !== 'nginx' && servedBy !== 'balancer'
  if (isNode) nodes.heardOf(servedBy)
  map.travel(servedBy, status === 401 ? 'refused' : status >= 500 ? 'failed' : 'ok', !isExperiment())
}

/** In the experiment there is nothing to look at: each node has a list of its own. */
function lookAtSessions(): void {
  if (visit.session && !isExperiment()) void mySessions.refresh()
}

async function refreshNodes(): Promise<Answer> {
  const answer = await ask('GET', '/api/cluster')
  if (answer.status === 200 && answer.body.nodes) nodes.replace(answer.body.nodes)
  else visit.explainTrouble(answer)
  return answer
}

/** Begins to listen as whoever is logged in now: nobody sees what was told to somebody else. */
function listenAnew(): void {
  feed?.close()
  eventList.clear()
  mySessions.clear()
  feed = openFeed(`${base}/api/events`, {
    onHello,
    onEvent,
    onState: showFeedState,
    onGap: eventList.addGap,
    onLost(isRefused) {
      eventList.showState('lost', 'Not connected: coming back…')
      // Why it was refused, a stream cannot say. An answer can: Redis is away, or no node is there.
      if (isRefused && visit.hasRedis) void explainRefusal()
    },
  })
}

/** With nodes and Redis there, a cookie of another application can be in the way. The answer to "who am I" removes it. */
async function explainRefusal(): Promise<void> {
  const { status } = await refreshNodes()
  if (status === 200 && !visit.session && !isExperiment()) await visit.whoAmI()
}

function showFeedState({ node, now, isBehind }: FeedState): void {
  feedNode = node
  aheadMs = now - Date.now()
  showBehind(isBehind)
}

function showBehind(isBehind: boolean): void {
  if (isBehind) eventList.showState('behind', `Behind: ${feedNode} has lost Redis`)
  else eventList.showState('live', `Live, through ${feedNode}`)
}

async function onHello(hello: Hello): Promise<void> {
  const { sessionId, isIncomplete } = hello
  showFeedState(hello)
  if (isIncomplete) eventList.addGap()
  notice.clearPassing()
  await refreshNodes()
  if (isExperiment() || visit.isChanging) return
  if (sessionId !== (visit.session?.id ?? null)) await visit.whoAmI()
  lookAtSessions()
}

function onEvent(event: FeedEvent): void {
  const isOwn = event.sessionId !== undefined && event.sessionId === visit.session?.id
  if (!HINTS.has(event.type)) eventList.add(event)
  if (event.isReplayed) return
  nodes.follow(event)
  if (event.type === 'redis_lost') {
    showBehind(true)
    visit.loseRedis()
  }
  if (event.type === 'redis_back' && event.node === feedNode) showBehind(false)
  if (event.user === undefined || visit.isChanging || isExperiment()) return
  const ending = isOwn ? ENDINGS[event.type] : undefined
  if (ending !== undefined) visit.end(event.by ? `Your session was ended by an ${event.by}.` : ending)
  // `replaced`: another window logs in anew, with the cookie that this one has too. The server ends this connection, and
  // says on the next one who is logged in.
  else if (!isOwn || event.type !== 'replaced') lookAtSessions()
}

/** The same page, asking the other nodes. */
async function flipSwitch(): Promise<void> {
  const before = base
  base = isExperiment() ? '' : CONTROL
  const answer = await ask('GET', '/api/cluster')
  if (answer.status !== 200) {
    base = before
    notice.show(
      answer.status === 404 ? 'The experiment needs the Compose stack: make up, then make control.' : explain(answer),
    )
    return
  }
  notice.clear()
  matrix.clear()
  map.resetCounters()
  nodes.clear()
  visit.hasRedis = true
  visit.forget()
  nodes.replace(answer.body.nodes ?? [])
}

function render(): void {
  const { user, session, lastAnswer, hasRedis } = visit
  const redis = isExperiment() ? 'unused' : hasRedis ? 'ok' : 'away'
  map.show({ nodes: nodes.all(), user: user?.username, origin: session?.createdOn, redis })
  matrix.render(nodes.names(), session?.createdOn)
  element('node-count').textContent =
    ['no', 'one', 'two', 'three', 'four', 'five'][nodes.names().length] ?? String(nodes.names().length)
  element('sentence').textContent = sentenceFor({ session, lastAnswer, isExperiment: isExperiment() })
  loginForm.setVisible(session === undefined)
  for (const id of ['ask', 'prove', 'prove-all', 'logout']) element(id).hidden = session === undefined
  element('my-sessions').hidden = session === undefined || isExperiment()
  element('experiment').setAttribute('aria-checked', String(isExperiment()))
  element('why').hidden = !isExperiment()
  eventList.setOwn(session?.id)
  if (user && session) card.show(user, session)
  else card.hide()
}

onClick('ask', async () => void (await visit.whoAmI()))
onClick('prove', () => proof.fillRow(3))
onClick('prove-all', () => proof.fillAll())
onClick('logout', async () => {
  await visit.logOut()
  if (!visit.session) element('login').querySelector('input')?.focus()
})
onClick('experiment', flipSwitch)
// A page that nobody sees needs no connection; whoever comes back to it is told what was missed.
document.addEventListener('visibilitychange', () => (document.hidden ? feed?.pause() : feed?.resume()))

render()
listenAnew()
