// Three of the settings that make the stack survive, each taken away in turn. Then the fault must be reported as failed:
// otherwise the drill sees nothing.
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { succeed, TOP } from '../lib/command.ts'
import type { Fault } from './fault.ts'
import { stopNode } from './nodes-fail.ts'
import { killRedis, pauseRedis } from './redis-fails.ts'
import { FOLDER, remake, remakeNodes, remakeRedis } from './remake.ts'

export interface Control {
  title: string
  fault: Fault
  /** What the drill must find missing, and nothing else will do. */
  finds: RegExp
}

const noNextUpstream: Control = {
  title: 'nginx asks no other node',
  finds: /^GET got 502/,
  fault: {
    ...stopNode,
    async prepare() {
      const files = `${TOP}/${FOLDER}`
      await mkdir(files, { recursive: true })
      await cp(`${TOP}/nginx/parts`, `${files}/parts`, { recursive: true })
      const config = await readFile(`${files}/parts/app.conf`, 'utf8')
      const asks = /^proxy_next_upstream error .*$|error_page 502 = @again;/gm
      if (config.match(asks)?.length !== 3) throw new Error('app.conf has changed')
      const without = config.replace(asks, (found) =>
        found.startsWith('error_page') ? 'error_page 502 /problem;' : 'proxy_next_upstream off;',
      )
      await writeFile(`${files}/parts/app.conf`, without)
      // Whatever the umask: nginx has another user.
      await succeed('chmod', ['-R', 'a+rX', `${files}/parts`])
      await remake('nginx', { volumes: [`./${FOLDER}/parts:/etc/nginx/parts:ro`] })
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

const noDeadline: Control = {
  title: 'No deadline for Redis',
  finds: /an answer took \d+ ms/,
  fault: {
    ...pauseRedis(4),
    prepare: (stack) => remakeNodes(stack, { REDIS_DEADLINE_MS: '60000' }),
    restore: (stack) => remakeNodes(stack),
  },
}

export const controls = [noNextUpstream, noAppendOnlyFile, noDeadline]
