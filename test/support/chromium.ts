import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/opt/google/chrome/chrome']

/** The path of Chromium: from CHROMIUM, or one of the usual paths. Undefined if it is not installed. */
export const chromiumPath = process.env.CHROMIUM || PLACES.find((path) => existsSync(path))

/** Starts Chromium without a window. `args` are additional options. `program` starts it in another way. */
export function launchChromium(args: readonly string[] = [], program = chromiumPath): Promise<Browser> {
  if (!program) throw new Error('Chromium is not installed')
  return chromium.launch({
    executablePath: program,
    // Disables the sandbox, which does not work in a container, and all connections to other servers.
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // The stack is on this machine, so the shell's proxy is ignored.
      '--no-proxy-server',
      ...args,
    ],
  })
}
