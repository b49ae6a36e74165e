import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { TOP } from '../support/command.ts'

const packageSchema = z.object({ dependencies: z.record(z.string(), z.string()) })

/** The packages of an exhibit and their versions, from its own list. */
export async function versionsOf(exhibit: string): Promise<string> {
  const read = (file: string) => readFile(`${TOP}/test/museum/${exhibit}/${file}`, 'utf8').catch(() => undefined)
  const npm = await read('package.json')
  if (npm !== undefined) {
    const { dependencies } = packageSchema.parse(JSON.parse(npm))
    return Object.entries(dependencies)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')
  }
  const pip = await read('requirements.txt')
  if (pip !== undefined) return pip.trim().replaceAll('==', ' ').replaceAll('\n', ', ')
  const go = await read('go.mod')
  if (go !== undefined)
    return [...go.matchAll(/^\t(\S+) (\S+)$/gm)].map(([, name, version]) => `${name} ${version}`).join(', ')
  return 'this commit'
}
