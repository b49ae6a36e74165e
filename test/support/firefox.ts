import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { endWithTest } from './end-with-test.ts'
import { lastingPort } from './lasting-port.ts'
import { until } from './until.ts'

// A Firefox as its users have it, by its own protocol, Marionette. Playwright needs a Firefox of its own.
// https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html

export const firefoxPath = ['/usr/bin/firefox-esr', '/usr/bin/firefox'].find((path) => existsSync(path))

export interface Firefox {
  open(url: string): Promise<void>
  /** Runs a script on the page. Returns the value of its expression. */
  evaluate(expression: string): Promise<unknown>
  /** Presses a key: a character, or one of these names. */
  press(key: keyof typeof KEYS | ' '): Promise<void>
  /** Errors and warnings of all pages, with violations of their policies, as the browser's console shows them. */
  complaints(): Promise<string[]>
  close(): Promise<void>
}

const KEYS = { Tab: '\uE004', Enter: '\uE007', ArrowDown: '\uE015', Escape: '\uE00C' } as const

export async function launchFirefox(): Promise<Firefox> {
  const profile = await mkdtemp(join(tmpdir(), 'firefox-'))
  const port = await lastingPort()
  await writeFile(join(profile, 'user.js'), `user_pref('marionette.port', ${port});\n`)
  const options = ['--headless', '--marionette', '--remote-allow-system-access', '--no-remote', '--profile', profile]
  const env = { PATH: process.env.PATH, HOME: profile }
  const child = spawn(firefoxPath ?? '', options, { env, stdio: 'ignore' })
  const ended = once(child, 'exit')
  child.once(
    'exit',
    endWithTest(() => child.kill('SIGKILL')),
  )
  const send = createMarionette(await until('Firefox listens', () => openSocket(port)))
  await send('WebDriver:NewSession', {})

  const run = async (script: string) => (await send('WebDriver:ExecuteScript', { script, args: [] })).value
  return {
    open: async (url) => void (await send('WebDriver:Navigate', { url })),
    evaluate: (expression) => run(`return (${expression})`),
    async press(key) {
      const value = key === ' ' ? key : KEYS[key]
      const actions = [{ type: 'key', id: 'keyboard', actions: ['keyDown', 'keyUp'].map((type) => ({ type, value })) }]
      await send('WebDriver:PerformActions', { actions })
    },
    async complaints() {
      await send('Marionette:SetContext', { value: 'chrome' })
      const messages = await run(`return Services.console.getMessageArray()
        .filter((message) => message instanceof Ci.nsIScriptError && message.sourceName.startsWith('http'))
        .map(({ errorMessage, sourceName }) => errorMessage + ' ' + sourceName)`)
      await send('Marionette:SetContext', { value: 'content' })
      return z.array(z.string()).parse(messages)
    },
    async close() {
      child.kill('SIGTERM')
      await ended
      await rm(profile, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function openSocket(port: number): Promise<Socket | undefined> {
  const socket = connect(port, '127.0.0.1')
  return once(socket, 'connect').then(
    () => socket,
    () => undefined,
  )
}

const answer = z.tuple([z.literal(1), z.number(), z.object({ message: z.string() }).loose().nullable(), z.unknown()])
const result = z.object({ value: z.unknown() }).loose()

/** Returns a function that sends a command and waits for its answer. A message is its length, a colon and JSON. */
function createMarionette(socket: Socket) {
  const waiting = new Map<number, (message: unknown) => void>()
  let received = Buffer.alloc(0)
  let sent = 0

  socket.on('data', (piece: Buffer) => {
    received = Buffer.concat([received, piece])
    for (;;) {
      const colon = received.indexOf(':')
      const end = colon + 1 + Number(received.subarray(0, Math.max(0, colon)).toString())
      if (colon === -1 || received.length < end) return
      const message: unknown = JSON.parse(received.subarray(colon + 1, end).toString())
      received = received.subarray(end)
      if (Array.isArray(message)) waiting.get(Number(message[1]))?.(message)
    }
  })

  return async (name: string, parameters: unknown): Promise<z.infer<typeof result>> => {
    const id = ++sent
    const text = JSON.stringify([0, id, name, parameters])
    const message = await new Promise<unknown>((resolve) => {
      waiting.set(id, resolve)
      socket.write(`${Buffer.byteLength(text)}:${text}`)
    })
    waiting.delete(id)
    const [, , error, value] = answer.parse(message)
    if (error) throw new Error(`${name}: ${error.message}`)
    return result.catch({ value: undefined }).parse(value)
  }
}
