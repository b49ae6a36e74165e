const FORM = 'redis://user:password@host:6379/0'

/**
 * Returns what is wrong with the value of REDIS_URL, as text that follows its name, or undefined if it is valid. The text never
 * contains a part of the value, because any part of a malformed address can be the password.
 */
export function faultOfRedisUrl(text: string): string | undefined {
  if (!/^rediss?:\/\//.test(text)) return 'is not a redis:// or rediss:// address'
  if (/\s/.test(text)) return 'contains a space. In a password, write it as %20'
  if (/%(?![0-9A-Fa-f]{2})/.test(text))
    return 'contains a % that is not part of a code such as %40. In a password, write % as %25'
  if (!URL.canParse(text)) return faultOfParts(text)
  const { hostname, port, pathname, username, password } = new URL(text)
  if (hostname === '') return `has no host. Its form is ${FORM}; write / ? # in a password as %2F %3F %23`
  if (port === '0') return 'has port 0. A port is a number from 1 to 65535'
  if (!/^\/?\d{0,9}$/.test(pathname)) return `has a path that is not the number of a database. Its form is ${FORM}`
  if (!isUtf8(username) || !isUtf8(password))
    return 'contains a code such as %E4 that is not UTF-8. In a password, write % as %25'
  return undefined
}

/** For an address that the URL parser rejects. */
function faultOfParts(text: string): string {
  const authority = text.replace(/^rediss?:\/\//, '').split(/[/?#]/, 1)[0] ?? ''
  const port = /:(\d+)$/.exec(authority)?.[1]
  if (port !== undefined && Number(port) > 65_535) return 'has a port above 65535'
  return `is not an address. Its form is ${FORM}; write / ? # in a password as %2F %3F %23`
}

function isUtf8(encoded: string): boolean {
  try {
    decodeURIComponent(encoded)
    return true
  } catch {
    return false
  }
}
