import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { TOP } from './command.ts'

/** Does the work with the folder of an overlay that consists of another one, components and further settings. */
export async function withOverlay<T>(
  overlay: string,
  components: readonly string[],
  work: (folder: string) => T | Promise<T>,
  more: object = {},
): Promise<T> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'overlay-')))
  const to = (path: string) => relative(folder, join(TOP, 'deploy/kubernetes', path))
  const parts = components.map((name) => to(`components/${name}`))
  try {
    // JSON is also YAML.
    const text = JSON.stringify({ ...more, resources: [to(`overlays/${overlay}`)], components: parts })
    await writeFile(`${folder}/kustomization.yaml`, text)
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}
