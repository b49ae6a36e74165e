import { useRedisKind } from '../support/redis-server.ts'

// The same tests, on three primaries of a Redis Cluster.
useRedisKind('cluster')
await import('./wrong-clock.test.ts')
