// How the page talks to the nodes, and how it says what came of it.

/** @typedef {{ status: number, servedBy: string, retryAfter: string | null, body: any }} Answer */

/**
 * One request to whichever node the balancer picks. Undefined: nobody answered at all.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [json]
 * @returns {Promise<Answer | undefined>}
 */
export async function ask(method, path, json) {
  try {
    const response = await fetch(path, {
      method,
      signal: AbortSignal.timeout(10_000),
      ...(json === undefined ? {} : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(json) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      servedBy: response.headers.get('X-Served-By') ?? '',
      retryAfter: response.headers.get('Retry-After'),
      body: text === '' ? undefined : JSON.parse(text),
    }
  } catch {
    return undefined
  }
}

/** @param {Answer | undefined} answer */
export function explain(answer) {
  if (!answer) return 'No answer. Is the stack up? (make ps)'
  if (answer.status === 503)
    return `${answer.body.title}. You are still logged in; try again in ${answer.retryAfter} s.`
  return answer.body?.detail
    ? `${answer.body.title}. ${answer.body.detail}`
    : (answer.body?.title ?? 'Something went wrong.')
}

/** @param {string} id */
export function element(id) {
  const found = document.getElementById(id)
  if (!found) throw new Error(`The page has no #${id}`)
  return found
}

/**
 * Runs `work` on a click, with the button disabled until it is done.
 * @param {HTMLElement} button
 * @param {() => Promise<void>} work
 */
export async function whileBusy(button, work) {
  button.setAttribute('disabled', '')
  try {
    await work()
  } finally {
    button.removeAttribute('disabled')
  }
}
