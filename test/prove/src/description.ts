// The description of an application: what a user writes, checked. app.schema.json is the same for editors.
import { z } from 'zod'
import type { Account, AppSpeech } from '../../../loadtest/lib/app-speech.ts'

const path = z
  .string()
  .regex(/^\//, 'must start with /')
  .describe('Path, with its query. {username}, {password} and {n} are filled in.')

const placeFields = {
  header: z.string().min(1).optional().describe('Name of a response header'),
  cookie: z.string().min(1).optional().describe('Name of a cookie'),
  body: z.string().min(1).optional().describe('Path in a JSON body: user.name, items.0, or . for the whole body'),
  pattern: z.string().refine(isPattern, 'must be a regular expression with one (group)').optional(),
}
const PLACES = ['header', 'cookie', 'body', 'pattern'] as const
type PlaceFields = { [name in (typeof PLACES)[number]]?: string | undefined }
const namesOnePlace = (place: PlaceFields) => PLACES.filter((name) => place[name] !== undefined).length === 1

const place = z
  .strictObject(placeFields)
  .refine(namesOnePlace, `must have one of ${PLACES.join(', ')}`)
  .describe('Where a value stands in a response')

const csrf = z
  .strictObject({
    page: path.optional().describe('Page to load first, which has the token or sets its cookie'),
    from: place.describe('Where the token stands'),
    header: z.string().optional().describe('Request header that sends the token'),
    field: z.string().optional().describe('Field of the body that sends the token'),
  })
  .refine(({ header, field }) => header !== undefined || field !== undefined, 'must have header, field or both')
  .refine(
    ({ page, from }) => page !== undefined || from.cookie !== undefined,
    'must have page, unless from is a cookie',
  )
  .describe('A token against forged requests')

const call = z.strictObject({
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).default('POST'),
  path,
  headers: z.record(z.string(), z.string()).default({}),
  json: z.json().optional().describe('Body, sent as JSON'),
  form: z.record(z.string(), z.string()).optional().describe('Body, sent as a form'),
  csrf: csrf.optional(),
})
const hasOneBody = ({ json, form }: { json?: unknown; form?: unknown }) => json === undefined || form === undefined
const ONE_BODY = 'must have json or form, not both'
const read = call.extend({ method: call.shape.method.default('GET') })

const account = z.strictObject({
  username: z.string().min(1),
  password: z.union([z.string().min(1), z.strictObject({ env: z.string().min(1) })], {
    error: 'must be a text, or env with the name of an environment variable',
  }),
  shownAs: z.string().min(1).optional().describe('How the application names the user, if not by the user name'),
})

const seconds = (standard: number, most: number) => z.number().positive().max(most).default(standard)
const shell = z.string().min(1).describe('Shell command. It runs in the folder of this file.')

export const descriptionSchema = z.strictObject({
  $schema: z.string().optional(),
  name: z.string().min(1).optional().describe('Name of the application, for the report'),
  url: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .refine((url) => !URL.canParse(url) || new URL(url).pathname === '/', 'must have no path: each request has its own')
    .describe('Address of the balancer'),
  login: call.refine(hasOneBody, ONE_BODY).describe('How to log in'),
  user: read
    .extend({
      name: place.describe('Where the name of the user stands'),
      createdOn: place.optional().describe('Where the node that created the session stands'),
      signedOut: z
        .array(z.int().min(100).max(599))
        .min(1)
        .default([301, 302, 303, 307, 401, 403])
        .describe('Statuses that mean: nobody is logged in'),
    })
    .describe('How to ask who is logged in'),
  logout: call.refine(hasOneBody, ONE_BODY).describe('How to log out'),
  accounts: z.array(account).min(1).describe('Accounts to log in to. Three or more are best.'),
  node: place.optional().describe('Where the name of the node stands. Without it, nodes cannot be told apart.'),
  nodes: z.array(z.string().min(1)).min(1).optional().describe('The nodes that must take part'),
  cookie: z.string().min(1).optional().describe('Name of the session cookie. Without it, it is found by trying.'),
  data: z
    .strictObject({
      change: call.refine(hasOneBody, ONE_BODY).describe('Adds one to a number, or {n} to a list'),
      read: read.describe('Returns the number or the list'),
      value: place.describe('Where the number or the list stands'),
      changes: z.int().min(2).max(200).default(60).describe('How many changes are sent at once'),
    })
    .optional()
    .describe('Data of the session that several nodes can change at once'),
  store: z
    .strictObject({
      stop: shell.describe('Command that takes the session store away'),
      start: shell.describe('Command that brings it back. It runs in any case.'),
      awaySeconds: seconds(5, 60).describe('How long the store is away'),
      answerSeconds: seconds(5, 30).describe('Time in which the application must answer meanwhile'),
      backSeconds: seconds(30, 120).describe('Time in which it must work again afterwards'),
    })
    .optional()
    .describe('How to take the session store away'),
  restart: z
    .strictObject({ command: shell.describe('Command that restarts the nodes one by one'), seconds: seconds(120, 300) })
    .optional()
    .describe('How to restart the nodes'),
  minPerCell: z.int().min(1).max(20).default(5).describe('Requests to each node with a session of each node'),
})

/** The file as it is after the check, with defaults filled in and without passwords from the environment. */
export type WrittenDescription = z.infer<typeof descriptionSchema>

/** An application, ready to be asked. */
export interface App extends Omit<WrittenDescription, 'accounts' | keyof AppSpeech>, AppSpeech {
  name: string
  accounts: [Account, ...Account[]]
}

function isPattern(text: string): boolean {
  try {
    // The empty alternative always matches. Its result has an entry for each group.
    return new RegExp(`${text}|`).exec('')?.length === 2
  } catch {
    return false
  }
}
