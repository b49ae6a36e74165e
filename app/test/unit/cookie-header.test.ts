import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { valuesOf } from '../../src/middleware/cookie-header.ts'

const NAME = '__Host-sid'
const [SEMICOLON, EQUALS, SPACE, TAB] = [0x3b, 0x3d, 0x20, 0x09]

/** RFC 6265 by its bytes, one at a time: a machine with two states, and nothing of JavaScript's strings. */
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

/** As Node hands over a header: each byte a character. */
const asNodeGives = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')

/** Bytes that look like cookies more often than chance would have it. */
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

test('for all bytes of a Cookie header, the values of a name are those that RFC 6265 gives', () => {
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

test('for all bytes before and after the name of a cookie, only space and tab leave it ours', () => {
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

test('quotes, attributes of RFC 2965, and cookies without a name or a value are what their bytes are', () => {
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
