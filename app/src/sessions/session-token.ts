import { createHash, createHmac, randomBytes } from 'node:crypto'

/** 32 bytes from the system's generator, in base64url: OWASP ASVS 5.0, 7.2.3 asks for 128 bits of entropy, this is 256. */
export const newToken = () => randomBytes(32).toString('base64url')

const TOKEN_SHAPE = /^[A-Za-z0-9_-]{43}$/
/** A token of another shape was never issued, so Redis is not queried. */
export const isToken = (token: string | undefined): token is string => token !== undefined && TOKEN_SHAPE.test(token)

/**
 * Identifies a token without revealing it: the token cannot be computed from it. The fingerprint of its first token is the
 * public id of a session.
 */
export const fingerprintOf = (token: string) => fingerprint(sha256(token))

export const newSalt = () => randomBytes(32).toString('base64url')

/**
 * The token that replaces this one in a rotation. So every node computes the same new token for a client with the old one.
 * Redis has only the salt, from which no token can be computed.
 */
export const successorOf = (token: string, salt: string) => createHmac('sha256', token).update(salt).digest('base64url')

/** The part of the key after `session:`. Hashed, a copy of Redis contains no token that a client could use. */
export type KeyForm = 'plain' | 'hashed'

export const keyName = (form: KeyForm, token: string) => (form === 'plain' ? token : sha256(token).toString('hex'))

/** The fingerprint of the token that has this name. */
export const fingerprintOfName = (form: KeyForm, name: string) =>
  form === 'plain' ? fingerprintOf(name) : fingerprint(Buffer.from(name, 'hex'))

const fingerprint = (hash: Buffer) => hash.toString('base64url').slice(0, 22)

const sha256 = (text: string) => createHash('sha256').update(text).digest()
