import assert from 'node:assert/strict'
import { test } from 'node:test'
import { normalizePassword, normalizeUsername } from 'app/users/typed-text'
import fc from 'fast-check'

/** Random text with many characters that have several Unicode forms. */
const special = fc.constantFrom(
  'é',
  'e',
  'A',
  '\u0301',
  '\u0307',
  'İ',
  'Σ',
  '\u212a',
  '\u0345',
  ' ',
  '\u00a0',
  '\u2000',
  '\u3000',
)
const text = fc.string({ unit: fc.oneof(special, fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })) })

test('normalizing a normalized name or password does not change it', () => {
  fc.assert(
    fc.property(text, (typed) => {
      for (const normalize of [normalizeUsername, normalizePassword]) {
        const once = normalize(typed)
        assert.equal(normalize(once), once)
      }
    }),
    { numRuns: 5_000 },
  )
})

test('a name or password is the same in every Unicode form of the same characters', () => {
  fc.assert(
    fc.property(text, (typed) => {
      for (const normalize of [normalizeUsername, normalizePassword])
        assert.equal(normalize(typed.normalize('NFD')), normalize(typed.normalize('NFC')))
    }),
    { numRuns: 5_000 },
  )
})

test('a user name is the same in any case and with surrounding spaces', () => {
  const name = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,63}$/)
  const space = fc.stringMatching(/^[ \t\u00a0\u3000]{0,3}$/)
  fc.assert(
    fc.property(name, space, space, (username, before, after) => {
      assert.equal(normalizeUsername(before + username.toUpperCase() + after), username)
    }),
  )
})

test('passwords with different letters, cases or surrounding spaces are different', () => {
  const passwords = ['secret', 'Secret', ' secret', 'secret ', 'sécret', 'se  cret', 'se cret', 'ﬁsh', 'fish']
  assert.equal(new Set(passwords.map(normalizePassword)).size, passwords.length)
  assert.equal(normalizePassword('se\u00a0cret'), 'se cret')
})
