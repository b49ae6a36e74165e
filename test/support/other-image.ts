import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { succeed } from './command.ts'
import { applyTo, type Change } from './other-version.ts'

/** Builds the image of another version of the application: this image with these changes. */
export async function buildOtherImage(image: string, name: string, changes: readonly Change[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'image-'))
  try {
    const texts = new Map<string, string>()
    for (const change of changes) {
      const read = () =>
        succeed('docker', ['run', '--rm', '--network=none', image, 'cat', `/app/dist/src/${change.file}`])
      texts.set(change.file, applyTo(texts.get(change.file) ?? (await read()), change))
    }
    for (const [file, text] of texts) {
      const path = join(folder, 'src', file)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, text)
    }
    await writeFile(join(folder, 'Dockerfile'), `FROM ${image}\nCOPY src /app/dist/src\n`)
    await succeed('docker', ['build', '--quiet', '--tag', name, folder])
  } finally {
    await rm(folder, { recursive: true })
  }
}
