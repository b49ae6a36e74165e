import { createHash, createHmac, randomBytes } from 'node:crypto'

/** 32 bytes from the system's generator, in base64url: OWASP ASVS 5.0, 7.2.3 asks for 128 bits of entropy, this is 256. */
export const newToken = () => randomBytes(32).toString('base64url')

const TOKEN_SHAPE = /^[A-Za-z0-9_-]{43}$/
/** What has another shape was never handed out, so nobody needs to ask Redis about it. */
export const isToken = (token: string | undefined): token is string => token !== undefined && TOKEN_SHAPE.test(token)

/**
 * What can be said of a token without saying it: nobody can go back from this to the token. The fingerprint of its first
 * token is the public id of a session.
 */
export const fingerprintOf = (token: string) => fingerprint(sha256(token))

export const newSalt = () => randomBytes(32).toString('base64url')

/**
 * The token that replaces this one in a rotation. Whoever holds the old token and asks within the grace gets the same
 * new one, from whichever node; the salt alone, which is all that Redis keeps, tells nobody anything.
 */
export const successorOf = (token: string, salt: string) => createHmac('sha256', token).update(salt).digest('base64url')

/** What stands behind `session:` in the key. Hashed, a copy of Redis holds no token that would let somebody in. */
export type KeyForm = 'plain' | 'hashed'

export const keyName = (form: KeyForm, token: string) => (form === 'plain' ? token : sha256(token).toString('hex'))

/** The fingerprint of the token that this name was made of. */
export const fingerprintOfName = (form: KeyForm, name: string) =>
  form === 'plain' ? fingerprintOf(name) : fingerprint(Buffer.from(name, 'hex'))

const fingerprint = (hash: Buffer) => hash.toString('base64url').slice(0, 22)

const sha256 = (text: string) => createHash('sha256').update(text).digest()
