// Each control removes one of three settings that make the stack survive. Then the drill must report the fault as failed.
// Otherwise the drill detects nothing.
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { succeed, TOP } from '../support/command.ts'
import { cutPrimary, withoutReplicas } from './failover.ts'
import { stopNode } from './nodes-fail.ts'
import { killRedis, pauseRedis } from './redis-fails.ts'
import { remake, remakeNodes, remakeRedis, settingsFolder } from './remake.ts'
import type { RedisKind } from './servers.ts'
import type { Stack } from './stack.ts'
import type { Control as ControlOf } from './try-faults.ts'

export type Control = ControlOf<Stack>

const noNextUpstream: Control = {
  title: 'nginx retries on no other node',
  finds: /^GET got 502/,
  fault: {
    ...stopNode,
    async prepare() {
      const files = `${TOP}/${settingsFolder()}`
      await mkdir(files, { recursive: true })
      await cp(`${TOP}/nginx/parts`, `${files}/parts`, { recursive: true })
      const config = await readFile(`${files}/parts/failover.conf`, 'utf8')
      const asks = /^proxy_next_upstream error .*$|error_page 502 = @retry_if_safe;/gm
      if (config.match(asks)?.length !== 3) throw new Error('failover.conf has changed')
      const without = config.replace(asks, (found) =>
        found.startsWith('error_page') ? 'error_page 502 /problem;' : 'proxy_next_upstream off;',
      )
      await writeFile(`${files}/parts/failover.conf`, without)
      // Readable with any umask, because nginx runs as another user.
      await succeed('chmod', ['-R', 'a+rX', `${files}/parts`])
      await remake('nginx', { volumes: [`./${settingsFolder()}/parts:/etc/nginx/parts:ro`] })
    },
    restore: () => remake('nginx'),
  },
}

const noAppendOnlyFile: Control = {
  title: 'Redis has no append-only file',
  finds: /^lost: /,
  fault: {
    ...killRedis,
    prepare: (stack) =>
      remakeRedis(stack, (command) =>
        command.map((word, place) => (command[place - 1] === '--appendonly' ? 'no' : word)),
      ),
    restore: (stack) => remakeRedis(stack),
  },
}

export const noDeadline: Control = {
  title: 'Redis calls have no deadline',
  finds: /a response took \d+ ms/,
  fault: {
    ...pauseRedis(4),
    prepare: (stack) => remakeNodes(stack, { REDIS_DEADLINE_MS: '60000' }),
    restore: (stack) => remakeNodes(stack),
  },
}

const noReplicas: Control = {
  title: 'no write waits for a replica, and a primary without replicas accepts writes',
  finds: /^(lost|lost by rotation|returned): /,
  fault: withoutReplicas(cutPrimary),
}

export const controls = [noNextUpstream, noAppendOnlyFile, noDeadline]
/** What make chaos-controls removes from a stack with this kind of Redis. */
export const CONTROLS_OF: Record<RedisKind, readonly Control[]> = {
  single: controls,
  sentinel: [noReplicas],
  cluster: [noReplicas],
}
