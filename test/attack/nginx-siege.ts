import { until } from '../../app/test/lib/until.ts'
import { createReader, percentile, type Reads } from '../lib/reader.ts'
import type { ComposeStack, Finding } from './attack.ts'
import { startElsewhere } from './elsewhere.ts'

const BEFORE_MS = 4_000
const ATTACK_SECONDS = 20
/** Twice what a wait for nothing takes: a slow machine is no reason, a user who sees the page stand still is one. */
const STANDS_STILL_MS = 1_000

/**
 * Somebody elsewhere holds connections of one kind open (attackers/hold.ts), while a signed-in user of this machine reads,
 * each time on a new connection. Reports how the reads went, and what nginx had of memory at most.
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
      `reads p95 ${percentile(before.ms, 95)} → ${percentile(meanwhile.ms, 95)} ms, ` +
      `${meanwhile.failed} of ${meanwhile.ms.length} failed; nginx ${peak.text}; held ${most}, answered ${JSON.stringify(answers)}`,
    gotThrough,
  }
}

function whatUsersSaw({ ms, failed }: Reads): string[] {
  const p95 = percentile(ms, 95)
  return [
    ...(failed > 0 ? [`${failed} of ${ms.length} reads of another user failed`] : []),
    ...(p95 > STANDS_STILL_MS ? [`reads of another user took ${p95} ms (p95)`] : []),
    ...(ms.length === 0 ? ['another user could read nothing'] : []),
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

/** The most memory of nginx until it is stopped. Asks the engine again and again, as the container's own files have other names with each version of cgroups. */
export function watchMemory(stack: ComposeStack) {
  let isStopped = false
  let peak = { mebibytes: 0, text: 'unknown' }
  const watching = (async () => {
    while (!isStopped) {
      const text = (
        await stack.docker('stats', '--no-stream', '--format', '{{.MemUsage}}', stack.containerOf('nginx-1'))
      ).trim()
      const mebibytes = mebibytesIn(text)
      if (mebibytes > peak.mebibytes) peak = { mebibytes, text: text.replace(' / ', ' of ') }
    }
  })()
  return {
    async stop(): Promise<{ mebibytes: number; text: string }> {
      isStopped = true
      await watching
      return peak
    },
  }
}

/** Of `61.2MiB / 384MiB` the first. */
export function mebibytesIn(usage: string): number {
  const [, value = '0', unit = ''] = /^([\d.]+)(\w+)/.exec(usage) ?? []
  return Number(value) * ({ KiB: 1 / 1024, MiB: 1, GiB: 1024 }[unit] ?? 0)
}
