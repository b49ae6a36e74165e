import { button, create } from '../dom.ts'

/** What must be there before a lesson can start. */
export type Need = 'session' | 'sharedNodes'

/** The part of a lesson that says what is missing, with a button for it. */
export function createNeed(onNeed: (need: Need) => Promise<void>) {
  const text = create('p', '')
  const asked = { session: 'Log in as ada', sharedNodes: 'Turn off the switch' } as const
  const why = {
    session: 'This lesson needs a session. One node creates it when you log in.',
    sharedNodes: 'This lesson needs the nodes that share their sessions.',
  } as const
  const buttons = (['session', 'sharedNodes'] as const).map((need) => ({
    need,
    part: button(asked[need], () => onNeed(need)),
  }))
  const part = create('div', 'lesson-need', text, ...buttons.map(({ part }) => part))
  return {
    part,
    show(wanted: Need | undefined) {
      part.hidden = wanted === undefined
      if (wanted !== undefined) text.textContent = why[wanted]
      for (const one of buttons) one.part.hidden = one.need !== wanted
    },
  }
}
