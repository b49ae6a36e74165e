// How an application speaks HTTP, for the k6 scripts and the prover alike. It must run in both, so it uses nothing of k6 or of
// Node. test/prove/src/description.ts reads and checks the file of a user.

/** Where a value stands in a response. One of them is given. */
export interface Place {
  header?: string | undefined
  cookie?: string | undefined
  /** A path in the JSON body, such as `user.name` or `items.0`. */
  body?: string | undefined
  /** A regular expression for the text of the body. Its first group is the value. */
  pattern?: string | undefined
}

/** A token against forged requests: where it is, and how to send it. */
export interface Csrf {
  /** A page to load first. */
  page?: string | undefined
  from: Place
  /** Sends it in this header, in this field of the body, or both. */
  header?: string | undefined
  field?: string | undefined
}

/** One request. `{username}`, `{password}` and `{n}` in its body, path and headers are filled in. */
export interface Call {
  method: string
  path: string
  headers: Record<string, string>
  json?: unknown
  form?: Record<string, string> | undefined
  csrf?: Csrf | undefined
}

export interface Account {
  username: string
  password: string
  /** How the application names the user, if not by the user name. */
  shownAs?: string | undefined
}

/** What a run must know to log in, ask for the user and log out. */
export interface AppSpeech {
  login: Call
  logout: Call
  user: Call & {
    name: Place
    /** The node that created the session, if the response tells. */
    createdOn?: Place | undefined
    /** Statuses that mean: nobody is logged in. A 2xx response that names no user means the same. */
    signedOut: readonly number[]
  }
  /** The name of the node that responded. */
  node?: Place | undefined
}

/** A response, whichever program received it. The names of headers are in lower case. */
export interface Heard {
  status: number
  headers: Readonly<Record<string, string>>
  /** The cookies of the client after this response. */
  cookies: Readonly<Record<string, string>>
  text: string
}

/** The request that a call describes, ready to be sent. */
export interface Spoken {
  method: string
  path: string
  headers: Record<string, string>
  body?: string
}

type Values = Readonly<Record<string, string>>

/** Builds the request of a call. `csrfToken` is sent where the call says. */
export function speak(call: Call, values: Values = {}, csrfToken?: string): Spoken {
  const { csrf } = call
  const fields = csrf?.field !== undefined && csrfToken !== undefined ? { [csrf.field]: csrfToken } : {}
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(call.headers)) headers[name] = fill(value, values)
  if (csrf?.header !== undefined && csrfToken !== undefined) headers[csrf.header] = csrfToken
  const spoken = { method: call.method, path: fill(call.path, values, encodeURIComponent), headers }
  if (call.json !== undefined) {
    headers['Content-Type'] ??= 'application/json'
    const body = fillAll(call.json, values)
    return { ...spoken, body: JSON.stringify(isRecord(body) ? { ...body, ...fields } : body) }
  }
  const form = Object.entries({ ...call.form, ...fields })
  if (call.form === undefined && form.length === 0) return spoken
  headers['Content-Type'] ??= 'application/x-www-form-urlencoded'
  const encode = ([name, value]: [string, string]) =>
    `${encodeURIComponent(name)}=${encodeURIComponent(fill(value, values))}`
  return { ...spoken, body: form.map(encode).join('&') }
}

const fill = (text: string, values: Values, encode = (value: string) => value) =>
  text.replace(/\{(username|password|n)\}/g, (whole, name: string) => {
    const value = values[name]
    return value === undefined ? whole : encode(value)
  })

function fillAll(value: unknown, values: Values): unknown {
  if (typeof value === 'string') return fill(value, values)
  if (Array.isArray(value)) return value.map((one) => fillAll(one, values))
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, fillAll(one, values)]))
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What stands at this place. Undefined if nothing does. */
export function find(place: Place, { headers, cookies, text }: Heard): unknown {
  if (place.header !== undefined) return headers[place.header.toLowerCase()]
  if (place.cookie !== undefined) return cookies[place.cookie]
  if (place.pattern !== undefined) return new RegExp(place.pattern).exec(text)?.[1]
  let value = parseJson(text)
  for (const step of (place.body ?? '').split('.').filter((one) => one !== '')) {
    if (Array.isArray(value)) value = value[Number(step)]
    else if (isRecord(value) && Object.hasOwn(value, step)) value = value[step]
    else return undefined
  }
  return value
}

/** The text at this place. Undefined for nothing, an empty text or anything else. */
export function findText(place: Place, heard: Heard): string | undefined {
  const value = find(place, heard)
  const isText = (typeof value === 'string' && value !== '') || typeof value === 'number'
  return isText ? String(value) : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The node that responded, or undefined if the response names none. */
export const nodeOf = (app: AppSpeech, heard: Heard) => app.node && findText(app.node, heard)

/** What a response to `user` says about a session. `failed` is every other response: an error, or none at all. */
export type Standing = 'honoured' | 'signed out' | 'another user' | 'failed'

export function standingOf(app: AppSpeech, heard: Heard, { username, shownAs = username }: Account): Standing {
  if (app.user.signedOut.includes(heard.status)) return 'signed out'
  if (heard.status < 200 || heard.status > 299) return 'failed'
  const name = findText(app.user.name, heard)
  if (name === undefined) return 'signed out'
  return name === shownAs ? 'honoured' : 'another user'
}
