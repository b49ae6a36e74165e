/**
 * The one form of a user name as it is typed: without spaces around it, in lower case, in Unicode form NFC. The account
 * file has lower-case names only. See RFC 8265, section 3.3 (UsernameCaseMapped).
 */
export const normalizeUsername = (typed: string) => typed.trim().toLowerCase().normalize('NFC').trim()

/**
 * The one form of a password: one system types an accented letter as one character, another as a letter and an accent.
 * Case and spaces around it count, and every kind of space is a space. See RFC 8265, section 4.2 (OpaqueString).
 */
export const normalizePassword = (typed: string) => typed.replace(/\p{Zs}/gu, ' ').normalize('NFC')
