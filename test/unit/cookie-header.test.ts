import assert from 'node:assert/strict'
import { test } from 'node:test'
import { valuesOf } from 'app/http/cookie-header'
import fc from 'fast-check'

const NAME = '__Host-sid'
const [SEMICOLON, EQUALS, SPACE, TAB] = [0x3b, 0x3d, 0x20, 0x09]

/** Parses a Cookie header by the bytes of RFC 6265: a machine with two states, without JavaScript's string functions. */
function reference(bytes: Uint8Array, wanted: Uint8Array): Buffer[] {
  const found: Buffer[] = []
  let name: number[] | undefined
  let part: number[] = []
  const withoutBlanks = (run: number[]) => {
    const isText = (byte: number) => byte !== SPACE && byte !== TAB
    const first = run.findIndex(isText)
    return Buffer.from(first === -1 ? [] : run.slice(first, run.findLastIndex(isText) + 1))
  }
  for (const byte of [...bytes, SEMICOLON]) {
    if (byte === SEMICOLON) {
      if (name && withoutBlanks(name).equals(wanted)) found.push(withoutBlanks(part))
      name = undefined
      part = []
    } else if (byte === EQUALS && !name) {
      name = part
      part = []
    } else part.push(byte)
  }
  return found
}

/** A header as Node passes it on: each byte is a character. */
const asNodeGives = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')

/** Random bytes that often look like cookies. */
const bytes = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 3 }),
      fc.constantFrom(NAME, `${NAME}=`, '=', ';', ' ', '\t', '"', '$Path', 'sid=x').map((text) => Buffer.from(text)),
      fc.constantFrom('\u00a0', '\u2003', '\ufeff', '\u0085', '\v', '\f').map((text) => Buffer.from(text)),
    ),
    { maxLength: 20 },
  )
  .map((parts) => Buffer.concat(parts))

test('for all bytes of a Cookie header, the values of a name are those of RFC 6265', () => {
  fc.assert(
    fc.property(bytes, (header) => {
      assert.deepEqual(
        valuesOf(asNodeGives(header), NAME),
        reference(header, Buffer.from(NAME)).map((value) => value.toString('latin1')),
      )
    }),
    { numRuns: 5_000 },
  )
})

test('a cookie name matches only if the bytes before and after it are spaces or tabs', () => {
  const around = fc.uint8Array({ maxLength: 3 }).filter((some) => !some.includes(SEMICOLON) && !some.includes(EQUALS))
  const isBlank = (some: Uint8Array) => some.every((byte) => byte === SPACE || byte === TAB)
  const assertOurs = (before: Uint8Array, after: Uint8Array) => {
    const header = Buffer.concat([before, Buffer.from(NAME), after, Buffer.from('=token')])
    assert.equal(valuesOf(asNodeGives(header), NAME).length, isBlank(before) && isBlank(after) ? 1 : 0)
  }
  for (let byte = 0; byte < 256; byte++) {
    if (byte === SEMICOLON || byte === EQUALS) continue
    assertOurs(Buffer.of(byte), Buffer.of())
    assertOurs(Buffer.of(), Buffer.of(byte))
  }
  fc.assert(fc.property(around, around, assertOurs), { numRuns: 5_000 })
})

test('quotes, attributes of RFC 2965, and cookies without a name or a value have no special meaning', () => {
  for (const [header, values] of [
    ['sid="token"', ['"token"']],
    ['$Version=1; sid=token; $Path=/; $Domain=x', ['token']],
    ['=sid=token', []],
    ['sid', []],
    ['=; sid=; =x', ['']],
    [';;; sid=a;; sid=b ;', ['a', 'b']],
    ['sid=a=b', ['a=b']],
    ['SID=a; Sid=b; sid%20=c', []],
    ['sid=%61', ['%61']],
    ['', []],
  ] as const) {
    assert.deepEqual(valuesOf(header, 'sid'), values, header)
  }
})
