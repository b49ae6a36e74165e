// Reduces npm's bill of materials on stdin to runtime packages: node sbom.js LOCK-FILE IMAGE...
// https://cyclonedx.org/docs/1.5/json/
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { z } from 'zod'

const lockSchema = z.object({
  packages: z.record(z.string(), z.object({ version: z.string(), dev: z.boolean().optional() })),
})
const bomSchema = z.looseObject({
  metadata: z.looseObject({ component: z.looseObject({ 'bom-ref': z.string() }) }),
  components: z.array(z.looseObject({ 'bom-ref': z.string() })),
  dependencies: z.array(z.looseObject({ ref: z.string(), dependsOn: z.array(z.string()).default([]) })),
})

const [lockFile = '', ...images] = process.argv.slice(2)
const { packages } = lockSchema.parse(JSON.parse(await readFile(lockFile, 'utf8')))
const bom = bomSchema.parse(JSON.parse(await text(process.stdin)))

// npm's `--omit=dev` also omits runtime packages that a tool needs too. With npm 11, redis is one of them.
const running = new Set([bom.metadata.component['bom-ref']])
for (const [path, { version, dev = false }] of Object.entries(packages)) {
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
  if (!dev) running.add(`${name}@${version}`)
}

const components = [
  ...bom.components.filter((component) => running.has(component['bom-ref'])),
  ...images.map(componentOf),
]
const dependencies = bom.dependencies
  .filter(({ ref }) => running.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((one) => running.has(one)) }))
process.stdout.write(`${JSON.stringify({ ...bom, components, dependencies }, null, 2)}\n`)

/** A base image as named in the files. Its hash is that of the image index, which lists one image per platform. */
function componentOf(image: string) {
  const [, name, version, digest] = /^([^@]+):([^@:]+)(?:@sha256:([0-9a-f]{64}))?$/.exec(image) ?? []
  const hashes = digest === undefined ? {} : { hashes: [{ alg: 'SHA-256', content: digest }] }
  return { 'bom-ref': image, type: 'container', name, version, scope: 'required', ...hashes }
}
