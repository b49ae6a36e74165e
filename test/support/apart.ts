// Starts Chromium in a network of its own, from which it reaches some ports of this machine. Containers that start or stop
// change the network of the machine, and Chromium then ends all its requests (ERR_NETWORK_CHANGED).
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { canIsolate, isolated } from '../runner/isolation.ts'
import { chromiumPath, launchChromium } from './chromium.ts'
import { passOn } from './pass-on.ts'

const DOORS = fileURLToPath(new URL('./apart-doors.js', import.meta.url))

export interface ApartBrowser {
  browser: Browser
  close(): Promise<void>
}

/**
 * Starts Chromium, which reaches these ports of this machine as `localhost`. A system that allows no other network runs it in
 * the machine's own.
 */
export async function launchApart(ports: readonly number[]): Promise<ApartBrowser> {
  if (!(await canIsolate())) {
    const browser = await launchChromium()
    return { browser, close: () => browser.close() }
  }
  const folder = await mkdtemp(join(tmpdir(), 'apart-'))
  const servers = await Promise.all(
    ports.map((port) => passOn({ path: join(folder, `${port}`) }, () => connect(port, '127.0.0.1'))),
  )
  // The doors connect here when they are open, and close when this connection does.
  const doors = createServer().listen(join(folder, 'open'))
  const haveOpened = once(doors, 'connection')
  const program = join(folder, 'chromium')
  await writeFile(program, scriptFor(folder, ports), { mode: 0o755 })
  const browser = await launchChromium([], program)
  const [connection] = await haveOpened
  return {
    browser,
    async close() {
      await browser.close()
      connection.destroy()
      for (const server of [...servers, doors]) server.close()
      await rm(folder, { recursive: true })
    },
  }
}

/** A program that starts the doors and Chromium. Descriptors 3 and 4 are the ones by which a test controls Chromium. */
function scriptFor(folder: string, ports: readonly number[]): string {
  const doors = [process.execPath, DOORS, folder, ...ports.map(String)].map(quoted).join(' ')
  const inside = `${doors} < /dev/null > /dev/null 2>&1 3>&- 4>&- & exec ${quoted(chromiumPath ?? '')} "$@"`
  const words = isolated(['sh', '-c', inside, 'sh'], true)
  return `#!/bin/sh\nexec ${words.map(quoted).join(' ')} "$@"\n`
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
