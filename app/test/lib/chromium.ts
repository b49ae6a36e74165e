import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/opt/google/chrome/chrome']

/** Where a Chromium is: CHROMIUM says, or the usual places. Undefined if there is none. */
export const chromiumPath = process.env.CHROMIUM || PLACES.find((path) => existsSync(path))

/** A Chromium without a window; `args` are for what a test needs besides. */
export function launchChromium(args: readonly string[] = []): Promise<Browser> {
  if (!chromiumPath) throw new Error('There is no Chromium here')
  return chromium.launch({
    executablePath: chromiumPath,
    // Nothing but the page under test: no sandbox in a container, and no talk to anybody's servers.
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // The stack is on this machine, whatever proxy the shell has.
      '--no-proxy-server',
      ...args,
    ],
  })
}
