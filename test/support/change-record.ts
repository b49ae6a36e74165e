import type { Logger } from 'app/logger'
import { createRecordSeal } from 'app/sessions/record-seal'

const silent: Pick<Logger, 'warn'> = { warn: () => {} }

/**
 * Returns the JSON of a session record with changed members, sealed with the first of these keys. A test can make a session
 * look older. Without keys it is not sealed.
 */
export function changeRecord(
  { name, json, sealKeys }: { name: string; json: string; sealKeys: readonly string[] },
  change: (record: { createdAt: string }) => object,
): string {
  const { seal: _, ...record } = JSON.parse(json)
  const changed = JSON.stringify({ ...record, ...change(record) })
  return createRecordSeal({ keys: sealKeys }, silent).close(name, changed)
}
