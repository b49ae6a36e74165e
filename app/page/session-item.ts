import type { ListedSession } from './answers.ts'
import { button, clockTime, create, withNames } from './dom.ts'

interface Parts {
  /** This browser had the session before its present one. */
  isEarlier: boolean
  onRevoke: () => Promise<void>
}

/** One session in the user's list. All but the current one have a button. */
export function sessionItem(session: ListedSession, { isEarlier, onRevoke }: Parts): HTMLElement {
  const { current, agent, address, createdOn } = session
  const browser = clientOf(agent)
  // The server sends `unknown` where many clients share one address, as on this machine: docs/security.md.
  const from = address === 'unknown' ? 'address unknown' : address
  const item = create(
    'li',
    current ? 'current' : '',
    create(
      'div',
      '',
      create('strong', '', `${browser}${current ? ', this session' : isEarlier ? ', this browser, earlier' : ''}`),
      create('span', '', ...withNames(`${from}, created on ${createdOn} at ${clockTime(session.createdAt)}`)),
      create('span', '', `last seen ${clockTime(session.lastSeenAt)}`),
    ),
  )
  if (!current) {
    const revoke = button('Revoke', onRevoke)
    revoke.setAttribute('aria-label', `Revoke the session of ${browser} created on ${createdOn}`)
    item.append(revoke)
  }
  return item
}

/** Programs of this project and others, by their User-Agent. No person uses these sessions. */
const PROGRAMS: readonly [RegExp, string][] = [
  [/k6/i, 'Load test (k6)'],
  [/^chaos/, 'Fault drill (make chaos)'],
  [/^node\b/, 'Program (Node)'],
  [/^curl\//, 'Program (curl)'],
]

/** Browser and system by their usual names. Another program by the first word of its User-Agent. */
function clientOf(agent: string): string {
  const program = PROGRAMS.find(([pattern]) => pattern.test(agent))?.[1]
  if (program !== undefined) return program
  const browser = /(Edg|OPR|Firefox|Chrome|Safari)\//.exec(agent)?.[1]
  if (!browser) return agent.split(/[ /]/, 1)[0] || 'Unknown client'
  const system = /(Windows|Android|iPhone|iPad|Mac OS|Linux)/.exec(agent)?.[1]
  const known = { Edg: 'Edge', OPR: 'Opera' }[browser] ?? browser
  return system ? `${known} on ${system.replace('Mac OS', 'macOS')}` : known
}
