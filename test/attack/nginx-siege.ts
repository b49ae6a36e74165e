import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { endWithTest } from '../support/end-with-test.ts'
import { percentile } from '../support/percentile.ts'
import { createReader, type Reads } from '../support/reader.ts'
import { until } from '../support/until.ts'
import type { ComposeStack, Finding } from './attack.ts'
import { startElsewhere } from './elsewhere.ts'

const BEFORE_MS = 4_000
const ATTACK_SECONDS = 20
/** A read this slow counts as a page that hangs. Slower machines do not reach it. */
const STANDS_STILL_MS = 1_000

/**
 * A client at another address holds connections of one kind open (attackers/hold.ts). Meanwhile a logged-in user of this
 * machine reads, each time on a new connection. Reports the reads and the peak memory of nginx.
 */
export async function besiege(stack: ComposeStack, kind: string, count: number): Promise<Finding> {
  const reader = await createReader(stack.url())
  const before = await reader.readFor(BEFORE_MS)
  const attacker = startElsewhere(stack, new URL('./attackers/hold.js', import.meta.url), {
    words: [kind, String(count), String(ATTACK_SECONDS)],
  })
  const memory = watchMemory(stack)
  const meanwhile = await reader.readUntil(attacker.finished())
  const peak = await memory.stop()
  const gotThrough = [...whatUsersSaw(meanwhile), ...(await whatBecameOfNginx(stack))]
  const { most, answers } = JSON.parse(attacker.said() || '{}')
  return {
    others:
      `reads p95 ${p95Of(before)} → ${p95Of(meanwhile)} ms, ` +
      `${meanwhile.failed} of ${meanwhile.ms.length} failed; nginx ${peak.text}; held ${most}, answered ${JSON.stringify(answers)}`,
    gotThrough,
  }
}

const p95Of = ({ ms }: Reads) => Math.round(percentile(ms, 0.95))

function whatUsersSaw({ ms, failed }: Reads): string[] {
  const p95 = p95Of({ ms, failed })
  return [
    ...(failed > 0 ? [`${failed} of ${ms.length} reads of another user failed`] : []),
    ...(p95 > STANDS_STILL_MS ? [`reads of another user took ${p95} ms (p95)`] : []),
    ...(ms.length === 0 ? ['another user had no successful read'] : []),
  ]
}

async function whatBecameOfNginx(stack: ComposeStack): Promise<string[]> {
  const nginx = stack.containerOf('nginx-1')
  const killed = stack.log().match(/exited on signal 9/g)?.length ?? 0
  const state = await stack.docker('inspect', '--format', '{{.State.OOMKilled}} {{.RestartCount}}', nginx)
  const isHealthy = async () =>
    (await stack.docker('inspect', '--format', '{{.State.Health.Status}}', nginx)).trim() === 'healthy'
  const recovers = await until('nginx is healthy', isHealthy).catch(() => false)
  return [
    ...(killed > 0 ? [`${killed} workers of nginx were killed`] : []),
    ...(state.trim() === 'false 0' ? [] : ['nginx ran out of memory']),
    ...(recovers ? [] : ['nginx is not healthy afterwards']),
  ]
}

/**
 * Reads nginx's memory from the engine once a second and keeps the maximum. The container's own files differ between cgroup
 * versions.
 */
export function watchMemory(stack: ComposeStack) {
  let peak = { mebibytes: 0, text: 'unknown' }
  let seen = 0
  const reading = spawn('docker', ['stats', '--format', '{{.MemUsage}}', stack.containerOf('nginx-1')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const isOver = endWithTest(() => reading.kill('SIGKILL'))
  const ended = once(reading, 'exit')
  createInterface({ input: reading.stdout }).on('line', (line) => {
    // Before the first value, it prints dashes. Each screen begins with codes that clear the last one.
    const [text] = /\d[\d.]*[A-Za-z]+ \/ .*/.exec(line) ?? []
    if (text === undefined) return
    seen++
    const mebibytes = mebibytesIn(text)
    if (mebibytes > peak.mebibytes) peak = { mebibytes, text: text.replace(' / ', ' of ') }
  })
  return {
    async stop(): Promise<{ mebibytes: number; text: string }> {
      await until('the engine has reported the memory of nginx', () => seen > 0 || reading.exitCode !== null)
      // docker stats does not end by SIGTERM.
      reading.kill('SIGKILL')
      await ended
      isOver()
      return peak
    },
  }
}

/** Returns the first value of `61.2MiB / 384MiB`. */
export function mebibytesIn(usage: string): number {
  const [, value = '0', unit = ''] = /^([\d.]+)(\w+)/.exec(usage) ?? []
  return Number(value) * ({ KiB: 1 / 1024, MiB: 1, GiB: 1024 }[unit] ?? 0)
}
