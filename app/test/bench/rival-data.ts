// What express-session is told to keep of a session and its cookie: the same facts as this project keeps.
import type { CookieOptions } from 'express-session'
import { iso, type User } from '../../src/sessions/session-record.ts'

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
