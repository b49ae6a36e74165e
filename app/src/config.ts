import { hostname } from 'node:os'
import { parseEnvironment, readSealKeys, readSecret } from './environment.ts'

/** At about half a kilobyte each, less than ten megabytes of a node's memory. */
const MAX_CACHED_SESSIONS: number = 10_000

/**
 * Reads and checks the environment, once at start. No other file reads it.
 * @throws {ConfigError} that names every invalid variable
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>) {
  const value = parseEnvironment(env)
  return Object.freeze({
    host: value.LISTEN_HOST,
    port: value.PORT,
    publicHost: value.PUBLIC_HOST,
    nodeName: value.NODE_NAME,
    hostName: hostname(),
    /** The nodes of a run without Docker, named as Compose names its replicas. */
    nodeNames: Array.from({ length: value.NODES }, (_, index) => `app-${index + 1}`),
    logLevel: value.LOG_LEVEL,
    trustProxyHops: value.TRUST_PROXY_HOPS,
    drainSeconds: value.DRAIN_SECONDS,
    redisIsConfigured: value.isRedisNamed,
    redisWaitSeconds: value.REDIS_WAIT_SECONDS,
    redis: Object.freeze({
      url: value.REDIS_URL,
      sentinels: readSentinels(value),
      cluster: value.REDIS_CLUSTER,
      username: value.REDIS_USERNAME,
      password: value.REDIS_PASSWORD ?? readSecret('REDIS_PASSWORD_FILE', value.REDIS_PASSWORD_FILE),
      tls: value.REDIS_TLS === 'on',
      ca: readSecret('REDIS_CA_FILE', value.REDIS_CA_FILE),
      // One primary alone has no replica to wait for.
      replicas: value.SESSION_REPLICAS ?? (value.REDIS_SENTINELS || value.REDIS_CLUSTER ? 1 : 0),
      keyPrefix: value.KEY_PREFIX ?? '',
      deadlineMs: value.REDIS_DEADLINE_MS,
      cacheEntries: value.SESSION_CACHE === 'on' ? MAX_CACHED_SESSIONS : 0,
    }),
    sessionStore: value.SESSION_STORE,
    cookieName: value.SESSION_COOKIE,
    session: Object.freeze({
      ttlSeconds: value.SESSION_TTL_SECONDS,
      absoluteSeconds: value.SESSION_ABSOLUTE_SECONDS,
      renewSeconds: value.SESSION_RENEW_SECONDS,
      rotateSeconds: value.SESSION_ROTATE,
      // Not longer than the rotation itself: otherwise several replaced tokens in a row would be valid at once.
      rotateGraceSeconds: Math.min(value.SESSION_ROTATE_GRACE, value.SESSION_ROTATE || Number.POSITIVE_INFINITY),
      maxPerUser: value.SESSION_MAX,
      freshSeconds: value.SESSION_FRESH_SECONDS,
      keyForm: value.SESSION_KEY,
      sealKeys: readSealKeys(value.SESSION_SEAL_KEY_FILE),
    }),
    throttle: Object.freeze({
      maxFailures: value.LOGIN_FAILURES,
      maxFailuresPerAddress: value.LOGIN_FAILURES_ADDRESS,
      windowSeconds: value.LOGIN_FAILURES_SECONDS,
      maxLoginsPerMinute: value.LOGINS_PER_MINUTE,
      maxLoginsPerMinuteAndAddress: value.LOGINS_PER_MINUTE_ADDRESS,
    }),
    hashesAtOnce: value.LOGIN_HASHES,
    demoUsers: value.DEMO_USERS === 'on',
  })
}

function readSentinels(value: ReturnType<typeof parseEnvironment>) {
  const { REDIS_SENTINELS, REDIS_PRIMARY = '', REDIS_SENTINEL_PASSWORD_FILE: file } = value
  return (
    REDIS_SENTINELS && {
      addresses: REDIS_SENTINELS,
      primary: REDIS_PRIMARY,
      username: value.REDIS_SENTINEL_USERNAME,
      password: value.REDIS_SENTINEL_PASSWORD ?? readSecret('REDIS_SENTINEL_PASSWORD_FILE', file),
    }
  )
}

export type Config = ReturnType<typeof readConfig>
