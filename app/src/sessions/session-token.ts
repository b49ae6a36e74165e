import { createHash, createHmac, randomBytes } from 'node:crypto'

/** 32 bytes from the system's generator, in base64url: OWASP ASVS 5.0, 7.2.3 asks for 128 bits of entropy, this is 256. */
export const newToken = () => randomBytes(32).toString('base64url')

const TOKEN_SHAPE = /^[A-Za-z0-9_-]{43}$/
/** What has another shape was never handed out, so nobody needs to ask Redis about it. */
export const isToken = (token: string | undefined): token is string => token !== undefined && TOKEN_SHAPE.test(token)

/** The public name of a session, made from its first token: nobody can go back from it to the token. */
export const sessionId = (token: string) => createHash('sha256').update(token).digest('base64url').slice(0, 22)

export const newSalt = () => randomBytes(32).toString('base64url')

/**
 * The token that replaces this one in a rotation. Whoever holds the old token and asks within the grace gets the same
 * new one, from whichever node; the salt alone, which is all that Redis keeps, tells nobody anything.
 */
export const successorOf = (token: string, salt: string) => createHmac('sha256', token).update(salt).digest('base64url')

/** What stands behind `session:` in the key. Hashed, a copy of Redis holds no token that would let somebody in. */
export type KeyForm = 'plain' | 'hashed'

export function keyName(form: KeyForm, token: string): string {
  return form === 'plain' ? token : createHash('sha256').update(token).digest('hex')
}
