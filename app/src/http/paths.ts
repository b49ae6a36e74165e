/** The event stream. Its answer lasts as long as the page is open. */
export const EVENTS_PATH = '/api/events'

/** Browsers report violations of the page's policies here. */
export const REPORTS_PATH = '/api/reports'

/** Probes and metrics, for the operator of the nodes. nginx does not forward them either: nginx/parts/app.conf. */
const PRIVATE_PATHS = new Set(['/livez', '/readyz', '/metrics'])

export const isPrivate = (path: string) => PRIVATE_PATHS.has(path)

/** Whether only scripts request this path. All other paths are pages and their files, to which other sites may link. */
export const isOfApi = (path: string) => /^\/(api|auth)\//.test(path)

/** The path of a request target, without its query: the query can hold a secret. */
export const pathOf = (target: string) => target.split('?', 1)[0] ?? ''
