/** The cookies of one browser on one site, by name. It ignores paths and domains: all requests go to one application. */
export interface Jar {
  /** Stores what a response sets, and drops what it clears. */
  store(setCookies: readonly string[]): void
  /** For the header Cookie. With `names`, only these. */
  header(names?: readonly string[]): string
  get(name: string): string | undefined
  set(name: string, value: string): void
  all(): Readonly<Record<string, string>>
  copy(names?: readonly string[]): Jar
  /** Has the same cookies as the other one from now on. */
  adopt(other: Jar): void
}

export function createJar(initial: Iterable<readonly [string, string]> = []): Jar {
  const cookies = new Map(initial)
  const chosen = (names?: readonly string[]) => [...cookies].filter(([name]) => names?.includes(name) ?? true)
  return {
    store(setCookies) {
      for (const line of setCookies) {
        const { name, value, isCleared } = parseSetCookie(line)
        if (isCleared) cookies.delete(name)
        else cookies.set(name, value)
      }
    },
    header: (names) =>
      chosen(names)
        .map(([name, value]) => `${name}=${value}`)
        .join('; '),
    get: (name) => cookies.get(name),
    set: (name, value) => void cookies.set(name, value),
    all: () => Object.fromEntries(cookies),
    copy: (names) => createJar(chosen(names)),
    adopt(other) {
      cookies.clear()
      for (const [name, value] of Object.entries(other.all())) cookies.set(name, value)
    },
  }
}

export interface SetCookie {
  name: string
  value: string
  /** The names of attributes are in lower case. */
  attributes: ReadonlyMap<string, string>
  /** Whether the browser deletes it. */
  isCleared: boolean
}

export function parseSetCookie(line: string): SetCookie {
  const [pair = '', ...rest] = line.split(';').map((part) => part.trim())
  const split = (text: string): [string, string] => {
    const at = text.indexOf('=')
    return at === -1 ? [text, ''] : [text.slice(0, at).trim(), text.slice(at + 1).trim()]
  }
  const [name, value] = split(pair)
  const attributes = new Map(
    rest.map(split).map(([attribute, setting]): [string, string] => [attribute.toLowerCase(), setting]),
  )
  const maxAge = attributes.get('max-age')
  const expires = attributes.get('expires')
  const isPast = maxAge === undefined ? expires !== undefined && Date.parse(expires) <= Date.now() : Number(maxAge) <= 0
  return { name, value, attributes, isCleared: isPast || value === '' }
}
