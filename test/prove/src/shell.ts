import { spawn } from 'node:child_process'
import { once } from 'node:events'

interface Given {
  folder: string
  seconds: number
  signal?: AbortSignal
}

/** Runs a command of the description. Returns undefined, or why it failed. Its output may have secrets, so nobody sees it. */
export async function runShell(command: string, { folder, seconds, signal }: Given): Promise<string | undefined> {
  // A group of its own, so that everything that the command has started can be ended.
  const child = spawn('sh', ['-c', command], { cwd: folder, stdio: 'ignore', detached: true })
  const end = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
    } catch {
      // It has ended already.
    }
  }
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    end()
  }, seconds * 1000)
  signal?.addEventListener('abort', end, { once: true })
  try {
    const [code] = await once(child, 'exit')
    if (isLate) return `did not end within ${seconds} seconds`
    return code === 0 ? undefined : `exited with status ${code}`
  } catch {
    return 'could not be started'
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', end)
  }
}
