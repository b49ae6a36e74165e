/**
 * The values of all cookies of this name in a Cookie header, in their order. Node decodes the header as latin1, one character
 * for each byte, and joins several headers by '; '.
 *
 * Pairs end at `;`, a name ends at the first `=`, and only space and tab around both are removed: RFC 6265, section 5.2. All
 * other bytes belong to the name or the value, as in a browser. Otherwise `\u00A0__Host-sid`, which another host of the domain
 * can set, would be read as `__Host-sid`. So quotes belong to the value, and a pair without `=` has no name.
 */
export function valuesOf(header: string, name: string): string[] {
  const values: string[] = []
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals === -1 || trimBlanks(pair.slice(0, equals)) !== name) continue
    values.push(trimBlanks(pair.slice(equals + 1)))
  }
  return values
}

/** `trim` would also remove U+00A0 and control characters. A regular expression would take quadratic time. */
function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text[start])) start++
  while (start < end && isBlank(text[end - 1])) end--
  return text.slice(start, end)
}

const isBlank = (character: string | undefined) => character === ' ' || character === '\t'
