const SPACE = 0x20
const TAB = 0x09

/**
 * The values of all cookies of this name in a Cookie header, in their order. The header is what Node gives: one character
 * for each byte, several headers joined by '; '.
 *
 * Pairs end at `;`, a name ends at the first `=`, and only space and tab around the two are left out: RFC 6265, section 5.2
 * (4.2 has the form that a browser sends). Every other byte belongs to the name or the value. A browser compares names by
 * their bytes, too: if U+00A0 were left out here, `\u00A0__Host-sid`, which any neighbour may set, would be `__Host-sid`.
 * So quotes belong to the value, `$Path` is a cookie like any other, and a pair without `=` has no name.
 */
export function valuesOf(header: string, name: string): string[] {
  const values: string[] = []
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals === -1 || trimmed(pair.slice(0, equals)) !== name) continue
    values.push(trimmed(pair.slice(equals + 1)))
  }
  return values
}

/** Without space and tab at both ends. `trim` also removes U+00A0 and control characters; a pattern would take quadratic time. */
function trimmed(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text, start)) start++
  while (start < end && isBlank(text, end - 1)) end--
  return text.slice(start, end)
}

function isBlank(text: string, place: number): boolean {
  const code = text.charCodeAt(place)
  return code === SPACE || code === TAB
}
