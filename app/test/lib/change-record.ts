import type { Logger } from '../../src/logger.ts'
import { createRecordSeal } from '../../src/sessions/record-seal.ts'

const silent: Pick<Logger, 'warn'> = { warn: () => {} }

/**
 * The JSON of a session record with other members, sealed with the first of these keys: a test makes a session look older.
 * Without keys it is not sealed.
 */
export function changeRecord(
  { name, json, sealKeys }: { name: string; json: string; sealKeys: readonly string[] },
  change: (record: { createdAt: string }) => object,
): string {
  const { seal: _, ...record } = JSON.parse(json)
  const changed = JSON.stringify({ ...record, ...change(record) })
  return createRecordSeal({ keys: sealKeys }, silent).close(name, changed)
}
