import { useRedisKind } from '../support/redis-server.ts'

// The same tests, on a primary with replicas and sentinels.
useRedisKind('sentinel')
await import('./events.test.ts')
