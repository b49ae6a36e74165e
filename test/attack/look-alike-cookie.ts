import { request } from 'node:https'
import { ADA, GRACE } from '../support/http.ts'
import type { Attack, ComposeStack } from './attack.ts'

const NAME = '__Host-sid'
/**
 * One character for each byte that another host of the domain can put around a cookie name. Browsers remove spaces and tabs
 * and reject control characters.
 */
const BYTES = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).filter(
  (byte) => !/[\0-\x20\x7f;=]/.test(byte),
)
const LOOK_ALIKES = [...BYTES.flatMap((byte) => [byte + NAME, NAME + byte, byte + NAME + byte]), `=${NAME}`]

/** Cookies that look like the session cookie. */
export const lookAlikeCookie: Attack = {
  name: 'look-alike-cookie',
  title: 'Another host of the domain sets cookies over TLS that look like the session cookie',
  settings: { TLS: '1' },
  async run(stack) {
    const [attacker, visitor] = [await tokenOf(stack, ADA), await tokenOf(stack, GRACE)]
    const own = `${NAME}=${visitor}`
    const [signedIn, signedOut]: [string[], string[]] = [[], []]
    for (const name of LOOK_ALIKES) {
      if ((await whoAmI(stack, `${name}=${attacker}`)) !== undefined) signedIn.push(name)
      if ((await whoAmI(stack, `${name}=${attacker}; ${own}`)) !== GRACE.username) signedOut.push(name)
    }
    return {
      others: `of ${LOOK_ALIKES.length} names, ${signedIn.length} log a visitor in and ${signedOut.length} log one out`,
      gotThrough: [
        ...(signedIn.length > 0 ? [`logged in as the attacker by ${JSON.stringify(signedIn)}`] : []),
        ...(signedOut.length > 0 ? [`logged out by ${JSON.stringify(signedOut)}`] : []),
      ],
    }
  },
}

async function tokenOf(stack: ComposeStack, credentials: object): Promise<string> {
  const { cookie } = await ask(stack, 'POST', '/auth/login', '', JSON.stringify(credentials))
  const token = /^__Host-sid=([^;]+)/.exec(cookie)?.[1]
  if (token === undefined) throw new Error('The login set no cookie')
  return token
}

/** The user that this Cookie header authenticates, or undefined. */
async function whoAmI(stack: ComposeStack, cookie: string): Promise<string | undefined> {
  const { status, text } = await ask(stack, 'GET', '/api/user', cookie)
  return status === 200 ? /"username":"([^"]+)"/.exec(text)?.[1] : undefined
}

/** Each character of `cookie` is sent as one byte. */
function ask(stack: ComposeStack, method: string, path: string, cookie: string, body?: string) {
  return new Promise<{ status: number; text: string; cookie: string }>((resolve, reject) => {
    const sent = request(stack.url() + path, {
      method,
      headers: { 'Content-Type': 'application/json', Cookie: cookie },
      // The certificate is self-signed, and the stack is on this machine.
      rejectUnauthorized: false,
    })
    sent.on('response', (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
      })
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, text, cookie: answer.headers['set-cookie']?.[0] ?? '' }),
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
