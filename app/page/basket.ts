import type { Answer } from './answers.ts'
import { type Ask, explain } from './ask.ts'
import { element, onClick, withNames } from './dom.ts'
import { createNotice } from './notice.ts'
import type { PageEvents } from './page-events.ts'

interface Parts {
  ask: Ask
  pageEvents: PageEvents
}

const PATH = '/api/session/data'
const MANY = 20
/**
 * "Log in on every node" starts sessions until each node has created one. A request for each of them would change whose turn it is:
 * with three requests to a login, one of three nodes would create them all.
 */
const SETTLED_MS = 1_000

/**
 * Data of the session: a basket that several windows can fill at once. They have the same cookie, so they have one session. They
 * tell each other to read the basket again.
 */
export function createBasket({ ask, pageEvents }: Parts): void {
  const beside = createNotice('basket-note')
  const windows = new BroadcastChannel('basket')
  let isLoading = false
  let isStale = false
  let sessionId: string | undefined
  let settling: number | undefined
  let reads = 0
  /** The latest read whose answer is shown. An earlier one may be answered later. */
  let shown = 0

  async function read(): Promise<Answer> {
    const number = ++reads
    const answer = await ask('GET', PATH)
    if (answer.status === 200 && number > shown) {
      shown = number
      element('basket-count').textContent = String(teaIn(answer))
    }
    return answer
  }

  function countIn(answer: Answer): number | undefined {
    if (answer.status === 200) return teaIn(answer)
    beside.show(explain(answer))
    return undefined
  }

  /** Calls during a load cause one more load after it. */
  async function load(): Promise<void> {
    isStale = true
    if (isLoading || element('basket').hidden) return
    isLoading = true
    while (isStale) {
      isStale = false
      // The user has not asked for this request. If it fails, the notice of the page says why.
      await read()
    }
    isLoading = false
  }

  const { merge, add, readThenWrite } = createBasketChanges(ask)

  async function change(send: () => Promise<Answer>, times = 1): Promise<void> {
    beside.clear()
    const before = countIn(await read())
    if (before === undefined) return
    const answers = await Promise.all(Array.from({ length: times }, send))
    const failed = answers.find(({ status }) => status !== 200)
    const after = countIn(failed ?? (await read()))
    windows.postMessage('changed')
    if (after === undefined || times === 1) return
    const sentence = describe(answers, before + times - after)
    beside.show(sentence)
    element('basket-note').replaceChildren(...withNames(sentence))
  }

  windows.addEventListener('message', load)
  pageEvents.subscribe((seen) => {
    if (seen.kind !== 'session' || seen.session?.id === sessionId) return
    sessionId = seen.session?.id
    beside.clear()
    element('basket').hidden = sessionId === undefined
    clearTimeout(settling)
    settling = setTimeout(load, SETTLED_MS)
  })
  onClick('basket-add', () => change(add))
  onClick('basket-many', () => change(add, MANY))
  onClick('basket-careless', () => change(readThenWrite, MANY))
  onClick('basket-empty', () => change(() => merge({ basket: null })))
}

function describe(answers: readonly Answer[], lost: number): string {
  const nodes = [...new Set(answers.map(({ servedBy }) => servedBy))].sort().join(', ')
  const kept = lost > 0 ? `${lost} of ${answers.length} were lost` : 'none was lost'
  return `${answers.length} cups at once, added by ${nodes}: ${kept}.`
}

const teaIn = ({ body }: Answer) => body.data?.basket?.tea ?? 0

/** The changes of the basket, each as a function that sends it. */
function createBasketChanges(ask: Ask) {
  const merge = (patch: object) => ask('PATCH', PATH, patch, 'application/merge-patch+json')
  const add = () => ask('PATCH', PATH, { add: { '/basket/tea': 1 } })

  /** What a program does that knows no other. Two of them at once read the same number, and write the same sum. */
  async function readThenWrite(): Promise<Answer> {
    const before = await ask('GET', PATH)
    if (before.status !== 200) return before
    return merge({ basket: { tea: teaIn(before) + 1 } })
  }

  return { merge, add, readThenWrite }
}
