import type { Session, User } from './answers.ts'
import { clockTime, duration, element } from './dom.ts'

export interface SessionCard {
  show(user: User, session: Session): void
  hide(): void
}

interface Parts {
  /** Redis's time, in milliseconds since 1970. */
  now: () => number
  /** The countdown is over: nobody has used the session, or it has reached its end. */
  onOver: () => void
}

/** Who one is, and how long that lasts. */
export function createSessionCard({ now, onOver }: Parts): SessionCard {
  let shown: Session | undefined
  let longestIdleMs = 0
  let isOverFor = ''

  function show(user: User, session: Session): void {
    if (session.id !== shown?.id) longestIdleMs = 0
    shown = session
    longestIdleMs = Math.max(longestIdleMs, Date.parse(session.expiresAt) - now())
    element('session').hidden = false
    element('display-name').textContent = user.displayName
    element('created-on').textContent = session.createdOn
    element('created-at').textContent = clockTime(session.createdAt)
    element('rotated-at').textContent = session.rotatedAt === null ? 'not yet' : clockTime(session.rotatedAt)
    element('session-id').textContent = session.id
    element('commands').hidden = session.keyHint === ''
    const start = session.keyHint.replace('session:', '')
    element('token').textContent = start === '' ? '••••••' : `${start}••••••`
    for (const command of ['GET', 'TTL']) {
      element(`command-${command}`).textContent =
        `deploy/redis-cli ${command} "$(deploy/redis-cli --scan --pattern '${session.keyHint}*')"`
    }
    tick()
  }

  function tick(): void {
    if (!shown) return
    const idleMs = Date.parse(shown.expiresAt) - now()
    const absoluteMs = Date.parse(shown.absoluteExpiresAt) - now()
    count('idle', idleMs, longestIdleMs)
    count('absolute', absoluteMs, Date.parse(shown.absoluteExpiresAt) - Date.parse(shown.createdAt))
    // Once: it may have been prolonged by another window, and then there is another end to wait for.
    if (Math.min(idleMs, absoluteMs) > 0 || isOverFor === shown.expiresAt) return
    isOverFor = shown.expiresAt
    onOver()
  }

  function count(what: string, leftMs: number, wholeMs: number): void {
    element(what).textContent = duration(leftMs)
    element(`${what}-bar`).style.width = `${Math.min(100, Math.max(0, (100 * leftMs) / wholeMs))}%`
  }

  for (const command of ['GET', 'TTL']) {
    const copy = element(`copy-${command}`)
    copy.addEventListener('click', async () => {
      const code = element(`command-${command}`)
      copy.textContent = (await copyText(code)) ? 'Copied' : 'Selected'
      setTimeout(() => (copy.textContent = 'Copy'), 1_500)
    })
  }
  setInterval(tick, 250)

  return {
    show,
    hide() {
      shown = undefined
      element('session').hidden = true
      // Not even hidden: nothing of a session stays in the page that is over.
      for (const id of ['display-name', 'session-id', 'token', 'command-GET', 'command-TTL'])
        element(id).textContent = ''
    },
  }
}

/** Only a page on https or localhost may write to the clipboard. Elsewhere the text is selected, ready to be copied. */
async function copyText(code: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(code.textContent ?? '')
    return true
  } catch {
    getSelection()?.selectAllChildren(code)
    return false
  }
}
