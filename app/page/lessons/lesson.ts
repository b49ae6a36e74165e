import type { Seen } from '../page-events.ts'

/** One lesson: a question, what to do, and how the page sees what came of it. docs/lessons/ has the same texts. */
export interface Lesson<Choice extends string = string> {
  /** Its name in addresses and file names. */
  id: string
  title: string
  /** This text, the choices and the steps may contain names in braces: `fillIn` replaces them. */
  question: string
  choices: Readonly<Record<Choice, string>>
  /** The choice that comes true on a stack without faults. The page judges by what it sees, never by this. */
  expected: Choice
  steps: readonly Step[]
  /** Why it is so. */
  why: string
  /** Restores the state before the lesson. */
  after?: Step
  /** The experiment creates a session of its own. All other lessons need one, and the nodes that share their sessions. */
  isExperiment?: true
  /** It ends the session of this page, and continues without one. */
  endsSession?: true
  /** Starts to judge one attempt. Returns the function that receives everything that the page sees. */
  watch(start: Start, attempt: Attempt<Choice>): (seen: Seen) => void
}

export interface Step {
  text: string
  /** For a shell, in the top folder of the project. */
  command?: string
  button?: { text: string; press: 'sendToEachNode' | 'send' | 'startExperiment' }
}

/** What a lesson knows when the user has predicted. */
export interface Start {
  /** The session of this page and the node that created it. Empty without one. */
  sessionId: string
  createdOn: string
  /** The nodes that accept requests, at any moment. */
  nodes(): string[]
  /** Whether this page has a session, and is not logging in or out. */
  isLoggedIn(): boolean
  isExperiment(): boolean
}

/** What a lesson reports and does while it judges. */
export interface Attempt<Choice extends string = string> {
  /** A part of it has happened. `next`: what the lesson waits for now. */
  report(what: string, next: string): void
  /** Something else has happened. The lesson goes on waiting. */
  remark(what: string): void
  /** This choice has come true, or none of them. The attempt is over. */
  conclude(choice: Choice | undefined, what: string): void
  /** Sends requests until each node has served one. Gives up after three times as many as necessary. */
  sendToEachNode(): Promise<void>
  /** Sends requests until the attempt is over, if it does not do so already. */
  keepSending(): void
}

/** What the braces in the texts stand for. */
export interface Names {
  creator: string
  /** The node that serves the event stream of this page. */
  stream: string
  user: string
  url: string
  /** The first part of the session's key in Redis, when the lesson started. */
  hint: string
  cookie: string
  /** The option of curl for a certificate that no authority has signed. */
  insecure: string
}

export const fillIn = (text: string, names: Names): string =>
  Object.entries(names).reduce((filled, [name, value]) => filled.replaceAll(`{${name}}`, value), text)

/** "app-1", "app-1 and app-3", "app-1, app-2 and app-3" */
export const list = (names: readonly string[]) =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`

export const honour = (names: readonly string[]) => `${list(names)} ${names.length === 1 ? 'honours' : 'honour'}`
