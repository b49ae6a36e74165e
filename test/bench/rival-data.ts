// What the apps with express-session store and answer: the same data as in this project.

import { iso, type User } from 'app/sessions/session-record'
import type { CookieOptions, Session, SessionData } from 'express-session'

declare module 'express-session' {
  interface SessionData {
    user: User
    createdOn: string
    createdAt: string
    absoluteExpiresAt: string
    address: string
    agent: string
  }
}

interface Login {
  user: User
  node: string
  address: string
  agent: string
}

export const factsOf = ({ user, node, address, agent }: Login, absoluteSeconds: number) => ({
  user,
  createdOn: node,
  createdAt: iso(Date.now()),
  absoluteExpiresAt: iso(Date.now() + absoluteSeconds * 1000),
  address,
  agent,
})

export const cookieOptions = (ttlSeconds: number): CookieOptions => ({
  httpOnly: true,
  sameSite: 'lax',
  path: '/',
  maxAge: ttlSeconds * 1000,
})

/** The session gets a new id at a login, as the README of express-session shows. */
export const regenerate = (session: Session) =>
  new Promise<void>((resolve, reject) => {
    session.regenerate((error) => (error ? reject(error) : resolve()))
  })

/** The body of GET /api/user, with the same fields as in this project. */
export function userView(session: Session & Partial<SessionData>, node: string) {
  const { user, createdOn, createdAt, absoluteExpiresAt, cookie } = session
  const facts = { createdOn, createdAt, rotatedAt: null, expiresAt: cookie.expires, absoluteExpiresAt }
  return { user, session: { id: 'AAAAAAAAAAAAAAAAAAAAAA', ...facts, keyHint: 'session:AAAAAA' }, servedBy: node }
}
